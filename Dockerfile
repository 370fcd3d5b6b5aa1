# Lockstitch for production: the API, the worker and the commands. It holds no emulators, no PostgreSQL, no compiler and no pip.
#
#   docker build --tag lockstitch .        # --build-arg EXTRAS=aws,agents adds extras of pyproject.toml

FROM python:3.13.9-slim-trixie AS build
ARG EXTRAS=""
WORKDIR /build
RUN python -m venv --without-pip /opt/lockstitch
COPY requirements.lock requirements-dev.lock ./
RUN pip --python /opt/lockstitch/bin/python install --no-cache-dir --require-hashes --requirement requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY app app
COPY canonical canonical
COPY mappings mappings
RUN sed -nE 's/^([a-z][^\\]*==[^\\]*)\\?$/\1/p' requirements-dev.lock > constraints.txt
RUN pip --python /opt/lockstitch/bin/python install --no-cache-dir --no-build-isolation \
    --constraint constraints.txt ".${EXTRAS:+[$EXTRAS]}"
RUN /opt/lockstitch/bin/python -m compileall -q /opt/lockstitch/lib

FROM python:3.13.9-slim-trixie
RUN useradd --system --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin lockstitch
COPY --from=build /opt/lockstitch /opt/lockstitch
ENV PATH=/opt/lockstitch/bin:/usr/local/bin:/usr/bin:/bin PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
ENV LOCKSTITCH_HOST=0.0.0.0
WORKDIR /etc/lockstitch
USER 10001:10001
EXPOSE 8080 8081 8082
ENTRYPOINT ["lockstitch"]
CMD ["serve"]
