# `make test` before every commit; `make help` for the rest.

.PHONY: help test tools fmt audit-deps audit-tools bench oracles parity-zoo train-smoke

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

test: tools ## everything that has to hold: format, lints, documentation, tests
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked
	cargo test --workspace --locked

fmt: tools ## format the code
	cargo fmt --all

bench: ## step time, forward time and memory of every network
	cargo run --release --locked -- bench

oracles: ## outputs of the real detectors against an independent port; needs ../shared and Python
	cargo build --release --locked
	python3 -m venv target/oracles
	target/oracles/bin/pip install --quiet numpy pillow safetensors
	target/oracles/bin/python checks/oracles.py

parity-zoo: ## every network at its published widths against PyTorch; needs Python
	python3 -m venv target/parity-zoo/venv
	target/parity-zoo/venv/bin/pip install --quiet --requirement train/reference/requirements.txt
	target/parity-zoo/venv/bin/python train/reference/check_torchvision.py
	target/parity-zoo/venv/bin/python train/reference/make_goldens.py --published --out target/parity-zoo/goldens
	cargo test --release --locked -p moire-zoo --test goldens -- --ignored --nocapture

train-smoke: ## the training recipes on 200 faces for a few steps; needs ../shared and Python
	python3 -m venv target/train-venv
	target/train-venv/bin/pip install --quiet --requirement train/requirements.txt
	target/train-venv/bin/python -m train.smoke

audit-deps: audit-tools ## dependencies (licences, advisories, sources) and spelling
	cargo deny check
	typos

# rust-toolchain.toml names the components; a toolchain that was installed without them gets them here.
tools:
	@cargo fmt --version >/dev/null 2>&1 || rustup component add rustfmt
	@cargo clippy --version >/dev/null 2>&1 || rustup component add clippy

audit-tools:
	@cargo deny --version >/dev/null 2>&1 || cargo install --locked cargo-deny
	@typos --version >/dev/null 2>&1 || cargo install --locked typos-cli
