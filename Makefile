# Every target prepares its own .venv and then works. `make` or `make help` lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet -c constraints.txt
NEEDS := pyproject.toml constraints.txt
PYTEST_OPTIONS ?= -n 2
# FIGURES=FOLDER writes a benchmark's tables there as Markdown, and lets it miss its bars: scripts/figures.py
WRITTEN = $(if $(FIGURES),--markdown $(FIGURES)/$@.md)
CHECKED = $(or $(WRITTEN),--check)

.DEFAULT_GOAL := help
.PHONY: help demo test lint bench bench-search bench-encode bench-runs bench-startup bench-rerank bench-feedback bench-late-interaction bench-reproduce bench-expansion bench-fusion bench-hybrid bench-noise bench-fid bench-answers bench-reading bench-experiment bench-updates bench-updates-tokens bench-readme bench-adaptive bench-stress bench-stores bench-impact bench-memory docs figures constraints clean

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## */  make \1\t/' | expand -t 22

demo: $(VENV)/ready-demo  ## search, rerank, evaluate and answer on the built-in collection; files under runs/demo/
	$(BIN)/rankify demo

test: $(VENV)/ready-test  ## all tests
	OMP_NUM_THREADS=$${OMP_NUM_THREADS:-1} $(BIN)/python -m pytest $(PYTEST_OPTIONS)

lint: $(VENV)/ready-test  ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: bench-search bench-encode bench-runs bench-startup bench-rerank bench-fid  ## all tables of speed

bench-search: $(VENV)/ready-bench  ## BM25 against bm25s and Pyserini
	$(BIN)/python -m benchmarks.search

bench-encode: $(VENV)/ready-bench  ## encoders against sentence-transformers, and what int8 costs; 8 minutes
	$(BIN)/python -m benchmarks.encode --pairs 500 --documents 100 --quality $(CHECKED)

bench-runs: $(VENV)/ready-test  ## a run of 1,000 x 1,000 hits built, written and evaluated
	$(BIN)/python -m benchmarks.runs --check

bench-startup: $(VENV)/ready-test  ## seconds until `import rankify` and `rankify --help` are done
	$(BIN)/python -m benchmarks.startup --check

bench-rerank: $(VENV)/ready-test bench-noise  ## what each LLM reranker takes, where it breaks, and what batching, labels and shared prefixes save
	$(BIN)/python -m benchmarks.rerank $(WRITTEN)

bench-expansion: $(VENV)/ready-bench  ## what RM3, Rocchio and vector feedback bring, and whether they are Anserini's
	$(BIN)/python -m benchmarks.expansion $(CHECKED)

bench-feedback: $(VENV)/ready-demo  ## what relevance feedback finds, with perfect and with wrong judges
	$(BIN)/python -m benchmarks.feedback $(CHECKED)

bench-fusion: $(VENV)/ready-bench  ## every fusion against ranx, on runs of BM25 and MiniLM
	$(BIN)/python -m benchmarks.fusion $(CHECKED)

bench-hybrid: $(VENV)/ready-demo  ## what fusing BM25 and MiniLM brings, untrained, tuned and trained
	$(BIN)/python -m benchmarks.hybrid $(CHECKED)

bench-noise: $(VENV)/ready-test  ## nDCG@10 of each LLM reranker under judges that are wrong; minutes, without a model
	$(BIN)/python -m benchmarks.noise $(if $(FIGURES),--plot $(FIGURES)/$@.svg) $(WRITTEN)

bench-late-interaction: $(VENV)/ready-test  ## token vectors against BM25 and one vector a text, exact and compressed
	$(BIN)/python -m benchmarks.late_interaction $(if $(FIGURES),--bits 2) $(CHECKED)

bench-reproduce: $(VENV)/ready-demo  ## published figures of BM25 and MiniLM beside ours; minutes
	$(BIN)/python -m benchmarks.reproduce $(CHECKED)

bench-readme: $(VENV)/made  ## the README's table of the tables of the pages; nothing is measured
	$(BIN)/python -m benchmarks.readme $(WRITTEN)

bench-adaptive: $(VENV)/ready-test  ## tournaments, pivots and budgets under a perfect and a noisy judge, without a model
	$(BIN)/python -m benchmarks.adaptive $(WRITTEN)

bench-stress: $(VENV)/ready-demo  ## what perturbed queries and documents cost BM25 and MiniLM on SciFact
	$(BIN)/python -m benchmarks.stress $(WRITTEN)

bench-fid: $(VENV)/ready-test  ## passages read apart: queries together, one at a time, and as published
	$(BIN)/python -m benchmarks.fid

bench-answers: $(VENV)/ready-demo  ## what reranking brings to answers, on questions of Natural Questions
	$(BIN)/python -m benchmarks.answers $(CHECKED)

bench-reading: $(VENV)/ready-test  ## 1,000 questions to readers with a model of 50 ms a call, kept and taken up after a kill
	$(BIN)/python -m benchmarks.reading --check

bench-experiment: $(VENV)/ready-test  ## six systems on three collections, killed at ten moments: the same bytes, nothing done twice, a finished start in seconds; 6 minutes
	$(BIN)/python -m benchmarks.experiment $(CHECKED)

bench-updates: $(VENV)/ready-test  ## an index of 100,000 documents changed, and built afresh
	$(BIN)/python -m benchmarks.updates --indexes bm25 vectors $(CHECKED)

bench-updates-tokens: $(VENV)/ready-test  ## the same of token vectors, 20,000 documents
	$(BIN)/python -m benchmarks.updates --indexes tokens compressed --documents 20000 --add 200 --remove 20 $(CHECKED)

bench-stores: $(VENV)/ready-test  ## FAISS and Milvus Lite against exact search, and the memory a million vectors take; 20 minutes
	$(BIN)/python -m benchmarks.stores --check

bench-memory: $(VENV)/ready-bench  ## the memory that 10,000 pairs of 512 tokens take
	$(BIN)/python -m benchmarks.pair_memory --check

bench-impact: $(VENV)/ready-test  ## learned sparse retrieval over a million documents, exact and quantised
	$(BIN)/python -m benchmarks.impact $(CHECKED)

docs: $(VENV)/ready-docs  ## the guide and reference as a web site under site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

figures: $(VENV)/ready-bench  ## every table of figures of the documentation measured anew; hours, or NAME=bench-hybrid
	$(BIN)/python scripts/figures.py $(NAME)

constraints: $(VENV)/made  ## writes constraints.txt anew from the ranges in pyproject.toml
	$(PIP) uv
	$(BIN)/python scripts/constraints.py

clean:  ## removes the environment and what the tools left
	rm -rf $(VENV) site .pytest_cache .mypy_cache .ruff_cache

$(VENV)/made:
	@PYTHON="$(PYTHON)" sh scripts/venv.sh $(VENV)
	@touch $@

$(VENV)/ready-demo: $(NEEDS) | $(VENV)/made
	$(PIP) -e '.[demo]'
	@touch $@

$(VENV)/ready-test: $(NEEDS) | $(VENV)/made
	$(PIP) -e '.[dev,neural,lucene]'
	@touch $@ $(VENV)/ready-demo

$(VENV)/ready-bench: $(NEEDS) | $(VENV)/made
	$(PIP) -e '.[bench]'
	@touch $@

$(VENV)/ready-docs: $(NEEDS) | $(VENV)/made
	$(PIP) -e '.[docs]'
	@touch $@
