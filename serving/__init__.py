"""Talk to a model folder: one small protocol, several engines. May import training and hub; never gradio."""
