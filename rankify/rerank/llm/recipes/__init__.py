"""Published LLM rerankers: which flow, which judge, which prompt, under the names and defaults of their papers."""
