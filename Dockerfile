# Build: make image. Run: see compose.yaml, or README.md.
ARG BASE=python:3.13-slim
ARG NODE=node:22-slim

FROM ${NODE} AS pages
WORKDIR /src
COPY frontend .
# `make image` has built them already.
RUN [ -f dist/index.html ] || { npm ci --no-audit --no-fund && npm run build; }

FROM ${BASE} AS build
WORKDIR /src
# 1: the hot path as machine code (ARCHITECTURE.md, "The compiled hot path"), with gcc fetched where it is missing.
ARG COMPILE=0
RUN [ "$COMPILE" != 1 ] || command -v gcc >/dev/null \
    || { apt-get update && apt-get install --yes --no-install-recommends gcc libc6-dev; }
# Dependencies first: they change less often than the code, so their layer is kept.
COPY requirements ./requirements
RUN python3 -m venv /opt/build \
    && /opt/build/bin/pip install --no-cache-dir --require-hashes -r requirements/build.txt \
    && { [ "$COMPILE" != 1 ] || /opt/build/bin/pip install --no-cache-dir --require-hashes -r requirements/compile.txt; } \
    && python3 -m venv /opt/routerd \
    && /opt/routerd/bin/pip install --no-cache-dir --require-hashes -r requirements/run.txt
COPY . .
COPY --from=pages /src/dist frontend/dist
RUN ROUTERD_COMPILE=$COMPILE /opt/build/bin/hatchling build -t wheel -d /dist \
    && /opt/routerd/bin/pip install --no-cache-dir --no-deps --no-index /dist/*.whl \
    && /opt/routerd/bin/pip uninstall --yes pip \
    && echo "built: $(/opt/routerd/bin/routerd --version)" \
    && mkdir /empty

FROM ${BASE}
COPY --from=build /opt/routerd /opt/routerd
COPY --from=build --chown=10001:10001 /empty /data
ENV PATH=/opt/routerd/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    ROUTERD_CONFIG=/config/router.yaml \
    ROUTERD_DATA_DIR=/data \
    ROUTERD_HOST=0.0.0.0 \
    ROUTERD_PORT=8000
# Mount the folder, not the file: an editor's rename would leave a single mounted file behind as a deleted one.
VOLUME ["/config", "/data"]
EXPOSE 8000
USER 10001:10001
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s CMD ["python", "-c", "\
import http.client, os, ssl, sys; \
place = ('127.0.0.1', int(os.environ['ROUTERD_PORT'])); \
tls = {'context': ssl._create_unverified_context()} if os.environ.get('ROUTERD_TLS_CERT') else None; \
connection = http.client.HTTPSConnection(*place, timeout=2, **tls) if tls else http.client.HTTPConnection(*place, timeout=2); \
connection.request('GET', '/health/live'); \
sys.exit(connection.getresponse().status != 200)"]
CMD ["routerd", "serve"]
