# scaling-tui in a container, for CPUs or for CUDA:
#
#   docker build -t scaling-tui .                           # torch for CPUs
#   docker build -t scaling-tui:cuda --build-arg TORCH=cuda .   # torch for CUDA, 5 GB more
#   docker run --rm -it -e TERM -e COLORTERM -v "$PWD:/work" scaling-tui
#   docker run --rm -it --gpus all -v "$PWD:/work" scaling-tui:cuda run quickstart --device cuda
#
# torch's wheels bring CUDA's libraries, so both start from the same image; the host needs NVIDIA's driver and container
# toolkit.
ARG PYTHON=3.12
FROM python:${PYTHON}-slim AS base
# torch.compile builds with a compiler; without one a step stays uncompiled. Security updates of Debian are wanted, so
# no version is pinned.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends g++ \
    && rm -rf /var/lib/apt/lists/*

# What a contributor needs; the project itself is mounted, and `make` sets up its .venv.
FROM base AS develop
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends git make openssh-client \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 1000 --create-home --shell /bin/bash dev
USER 1000

FROM base AS app
ARG TORCH=cpu
ARG EXTRAS=figures,parquet
COPY . /src
# Of two wheels of one version pip takes the one with a local version, +cpu, so an index more is enough.
RUN case "$TORCH" in \
      cpu) export PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu ;; \
      cuda) ;; \
      *) echo "TORCH: found $TORCH, want cpu or cuda" >&2; exit 2 ;; \
    esac \
    && pip install --no-cache-dir --constraint /src/constraints.txt "/src[${EXTRAS}]" \
    && rm -rf /src \
    && useradd --uid 1000 --create-home --shell /bin/bash user \
    && mkdir /work \
    && chown user /work
USER 1000
WORKDIR /work
ENTRYPOINT ["scaling-tui"]
