"""A question and passages to a prompt, a model and a cited answer; running summaries."""
