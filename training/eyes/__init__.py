"""Eyes for the assistant: pictures, questions about them, and LLaVA through XTuner. Never imports torch at the top."""
