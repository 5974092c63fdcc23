"""The ground floor: model repos on OpenXLab, ModelScope and Hugging Face. Imports nothing of the floors above.

It is handed paths and credentials, and raises HubError, which the floors above turn into the user's sentence.
"""
