"""The face: the only rooms that import gradio. Never torch, transformers, xtuner or subprocess."""
