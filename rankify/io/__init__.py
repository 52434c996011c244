"""Files: runs, judgments, queries, corpora and questions with answers, read tolerantly and written whole."""
