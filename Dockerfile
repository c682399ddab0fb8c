# Two stages: one makes the wheel and installs it with what it needs, by hashes; the other one runs it.
# No image is pulled for a build where BASE is at hand: see tools/image.
ARG BASE=python:3.13-slim-trixie
FROM ${BASE} AS build

WORKDIR /build
RUN python3 -m venv /app
COPY requirements.txt ./
RUN /app/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes --only-binary :all: -r requirements.txt
COPY tools/image/requirements.txt tools/image/
RUN python3 -m venv /tools \
 && /tools/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r tools/image/requirements.txt
COPY pyproject.toml README.md LICENSE CHANGELOG.md ./
COPY datadeling datadeling
COPY migrations migrations
# Compiled ahead: the root file system is read only where it runs. pip itself is not needed there.
RUN /tools/bin/python -m hatchling build --target wheel \
 && /app/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps --no-index dist/*.whl \
 && /app/bin/pip uninstall --yes --quiet pip \
 && /app/bin/python -m compileall -q -j 0 /app/lib

FROM ${BASE}

LABEL org.opencontainers.image.title="datadeling" \
      org.opencontainers.image.description="Shares the present state of NAV's labour-market measures" \
      org.opencontainers.image.source="https://github.com/navikt/datadeling" \
      org.opencontainers.image.licenses="MIT"

COPY --from=build /app /app
# LOGNAME: the base knows no user 1069, and who migrates the schema is noted by name.
ENV LOGNAME=datadeling \
    PATH=/app/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    TMPDIR=/tmp
USER 1069:1069
WORKDIR /tmp
EXPOSE 8080 8081
STOPSIGNAL SIGTERM
ENTRYPOINT ["datadeling"]
CMD ["run"]
