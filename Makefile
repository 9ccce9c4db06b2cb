# `make test` before every commit; `make help` for the rest.

.PHONY: help test tools fmt audit-deps audit-tools bench inlined neon oracles parity-zoo parity-onnx fuzz rate-browser rate-load report-browser killed-study train-smoke

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 16

test: tools ## everything that has to hold: format, lints, documentation, tests
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked
	cargo test --workspace --locked

fmt: tools ## format the code
	cargo fmt --all

bench: ## step time, forward time and memory of every network
	cargo run --release --locked -- bench

inlined: ## that no vector instruction became a call, which costs most of its speed; needs objdump, on x86-64
	cargo build --release --locked -p moire --bin moire
	objdump --disassemble --demangle --no-show-raw-insn target/release/moire | checks/inlined.awk

# Debian's own rustc, from 1.89 on, will do where there is no rustup, with libstd-rust-dev:arm64.
NEON = aarch64-unknown-linux-gnu
ROOT = /usr/aarch64-linux-gnu

neon: ## the processor's kernels on 64-bit ARM, emulated; needs gcc-aarch64-linux-gnu, libc6-dev-arm64-cross, qemu-user
	@if command -v rustup >/dev/null; then rustup target add $(NEON); fi
	CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc \
	CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER="qemu-aarch64 -L $(ROOT)" PROPTEST_CASES=16 \
		cargo test --locked -p moire-cpu --lib --tests --target $(NEON)

oracles: ## outputs of the real detectors against an independent port; needs ../shared and Python
	cargo build --release --locked
	python3 -m venv target/oracles
	target/oracles/bin/pip install --quiet numpy pillow safetensors
	target/oracles/bin/python checks/oracles.py

parity-zoo: ## every network at its published widths against PyTorch; needs Python
	python3 -m venv target/parity-zoo/venv
	target/parity-zoo/venv/bin/pip install --quiet --requirement train/reference/requirements.txt
	target/parity-zoo/venv/bin/python train/reference/check_classifiers.py
	target/parity-zoo/venv/bin/python train/reference/make_goldens.py --published --out target/parity-zoo/goldens
	cargo test --release --locked -p moire-zoo --test goldens -- --ignored --nocapture

rate-browser: ## whole rating sessions in a real Chromium; screenshots in target/rate-browser/shots
	@command -v chromium >/dev/null && command -v chromedriver >/dev/null || \
		{ [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get install -qq chromium chromium-driver; } || true
	cargo build --locked -p moire --bin moire --example rating_study
	python3 -m venv target/rate-browser/venv
	target/rate-browser/venv/bin/pip install --quiet selenium
	target/rate-browser/venv/bin/python checks/rate_browser.py

report-browser: ## reports in a real Chromium, with axe-core from npm; screenshots in target/report-browser/shots
	@command -v chromium >/dev/null && command -v chromedriver >/dev/null || \
		{ [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get install -qq chromium chromium-driver; } || true
	cargo build --release --locked -p moire --bin moire
	npm install --silent --prefix target/report-browser axe-core@4
	python3 -m venv target/report-browser/venv
	target/report-browser/venv/bin/pip install --quiet selenium
	target/report-browser/venv/bin/python checks/report_browser.py $(STUDIES)

killed-study: ## a study of three detectors, killed twenty times, against one undisturbed
	cargo build --release --locked -p moire --bin moire
	python3 checks/killed_study.py

rate-load: ## 500 raters at once on a server that is killed again and again, and how long answers take
	cargo test --release --locked -p moire --test rate_load -- --ignored --nocapture

parity-onnx: ## networks that torch.onnx exports against PyTorch; needs Python
	cargo build --release --locked
	python3 -m venv target/parity-onnx
	target/parity-onnx/bin/pip install --quiet --requirement checks/parity_onnx.txt
	target/parity-onnx/bin/python checks/parity_onnx.py

# cargo-fuzz asks for a nightly compiler; RUSTC_BOOTSTRAP lets the stable one do. No sanitiser: the readers forbid
# `unsafe`, and are faster without.
FUZZ = pickle pytorch_zip pytorch_legacy pytorch_tar h5 safetensors onnx
RUNS = 2000000

fuzz: ## every reader of files against hostile bytes, RUNS=2000000 times each
	@cargo fuzz --version >/dev/null 2>&1 || cargo install --locked cargo-fuzz
	RUSTC_BOOTSTRAP=1 cargo fuzz build --sanitizer none
	for target in $(FUZZ); do \
		mkdir -p fuzz/corpus/$$target && \
		RUSTC_BOOTSTRAP=1 cargo fuzz run --sanitizer none $$target fuzz/corpus/$$target fuzz/seeds/$$target -- \
			-runs=$(RUNS) -max_len=16384 -timeout=20 -rss_limit_mb=1024 || exit 1; \
	done

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
