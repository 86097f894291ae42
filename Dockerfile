# Coinsphere with the Fluvio client. PostgreSQL is not inside: give it DATABASE_URL.
#   docker build -t coinsphere .
#   docker run -e DATABASE_URL=postgres://… -e COINSPHERE_PUBLIC_MARKET_DATA=true \
#       -p 127.0.0.1:3001:3001 -v coinsphere:/var/lib/coinsphere coinsphere

FROM node:24-bookworm-slim AS dashboard
WORKDIR /build
COPY docs/openapi.json docs/
COPY scripts/dashboard.sh scripts/node.sh scripts/
COPY src/dashboard/web src/dashboard/web
RUN scripts/dashboard.sh

FROM rust:1.95-bookworm AS build
WORKDIR /build
COPY . .
COPY --from=dashboard /build/src/dashboard/web/dist src/dashboard/web/dist
# Downloads and intermediate files are kept by the builder, so that a change rebuilds only itself.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/build/target \
    cargo build --release --locked --features fluvio --bin coinsphere \
    && cp target/release/coinsphere /coinsphere

FROM debian:bookworm-slim
RUN useradd --system --uid 10001 --home-dir /var/lib/coinsphere --shell /usr/sbin/nologin coinsphere \
    && install -d -o coinsphere -g coinsphere -m 0750 /var/lib/coinsphere
COPY --from=build /coinsphere /usr/local/bin/coinsphere
COPY --chmod=0755 deploy/healthcheck.sh /usr/local/bin/coinsphere-health
USER coinsphere
WORKDIR /var/lib/coinsphere
ENV COINSPHERE_DATA_DIR=/var/lib/coinsphere \
    COINSPHERE_LISTEN=0.0.0.0:3001
VOLUME /var/lib/coinsphere
EXPOSE 3001
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 CMD ["coinsphere-health"]
# Stops in order on SIGTERM, which is what `docker stop` sends.
ENTRYPOINT ["coinsphere"]
CMD ["up"]
