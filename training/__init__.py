"""From conversations to a merged model: dataset, recipe, XTuner config, runs, exam, merge. Never imports gradio."""
