# Two stages: one makes the wheel and installs it with what it needs, by hashes; the other one runs it.
# Any base will do that has glibc and Python: see adr/0021. BUILD_BASE is for a BASE that has no shell or no venv;
# the two must have Python in the same place. No image is pulled where both are at hand: see CONTRIBUTING.md.
ARG BASE=python:3.13-slim-trixie
ARG BUILD_BASE=${BASE}
FROM ${BUILD_BASE} AS build

USER root
WORKDIR /build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ONLY_BINARY=:all:
# What is taken along never has pip in it: that of /tools installs for both.
RUN python3 -m venv /tools && python3 -m venv --without-pip /app
COPY requirements.txt ./
RUN /tools/bin/pip --python /app/bin/python install --no-deps --require-hashes -r requirements.txt
COPY tools/image/requirements.txt tools/image/
RUN /tools/bin/pip install --no-deps --require-hashes -r tools/image/requirements.txt
COPY pyproject.toml README.md LICENSE CHANGELOG.md ./
COPY datadeling datadeling
COPY migrations migrations
# Compiled ahead: the root file system is read only where it runs.
RUN /tools/bin/python -m hatchling build --target wheel \
 && /tools/bin/pip --python /app/bin/python install --no-deps --no-index dist/*.whl \
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
