"""Sorting algorithms for judges with a limited view, one file each; `rankify.rerank.llm.flow` says what a flow is."""
