# Two stages: the first builds the wheel and installs it with its requirements, by hashes; the second runs it.
# The wheel has no demo: .dockerignore leaves it out of the build.
# Any base with glibc and Python works: see adr/0021. BUILD_BASE is for a BASE without a shell or venv; both must have
# Python in the same place. No image is pulled when both are present: see CONTRIBUTING.md.
ARG BASE=python:3.13-slim-trixie
ARG BUILD_BASE=${BASE}
FROM ${BUILD_BASE} AS build

USER root
WORKDIR /build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ONLY_BINARY=:all:
# /app is copied into the image and has no pip: the one in /tools installs into both.
RUN python3 -m venv /tools && python3 -m venv --without-pip /app
COPY requirements.txt ./
RUN /tools/bin/pip --python /app/bin/python install --no-deps --require-hashes -r requirements.txt
COPY tools/image/requirements.txt tools/image/
RUN /tools/bin/pip install --no-deps --require-hashes -r tools/image/requirements.txt
COPY pyproject.toml README.md LICENSE CHANGELOG.md ./
COPY datadeling datadeling
COPY migrations migrations
# Compiled at build time: the root file system is read-only at run time.
RUN /tools/bin/python -m hatchling build --target wheel \
 && /tools/bin/pip --python /app/bin/python install --no-deps --no-index dist/*.whl \
 && /app/bin/python -m compileall -q -j 0 /app/lib

FROM ${BASE}

LABEL org.opencontainers.image.title="datadeling" \
      org.opencontainers.image.description="Shares the present state of NAV's labour-market measures" \
      org.opencontainers.image.source="https://github.com/navikt/datadeling" \
      org.opencontainers.image.licenses="MIT"

COPY --from=build /app /app
# LOGNAME: the base has no user 1069, and yoyo records the name of whoever migrates.
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
