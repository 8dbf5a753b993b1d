# syntax=docker/dockerfile:1
# The bot as an image of about 45 MB: the binary on a distroless base, which has the C library and the certificates that
# TLS needs, and no shell. Build it where there are two cores and 2 GB to spare; the server that runs it only pulls it.
#
#   docker build --tag gryag:latest .

ARG RUST=1.95
FROM rust:${RUST}-bookworm AS build
WORKDIR /build

# The dependencies first, around an empty program: this layer is built anew only when Cargo.lock changes.
COPY Cargo.toml Cargo.lock ./
COPY .cargo .cargo
RUN mkdir -p src benches/figures \
    && echo 'fn main() {}' > src/main.rs \
    && cp src/main.rs benches/figures/ \
    && touch src/lib.rs \
    && cargo build --release --locked --bin gryag

# Then the program. Cargo goes by the time of files, and a copied file keeps its own.
COPY src src
COPY migrations migrations
COPY persona persona
COPY locales locales
COPY prices prices
RUN find src -name '*.rs' -exec touch {} + \
    && cargo build --release --locked --bin gryag \
    && strip target/release/gryag \
    && mkdir -p /image/data /image/usr/local/bin \
    && cp target/release/gryag /image/usr/local/bin/ \
    && /image/usr/local/bin/gryag --version

# `nonroot` is user and group 65532. A named volume that is empty takes over who owns /data.
FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /image/usr /usr
COPY --from=build --chown=65532:65532 /image/data /data
ENV BOT_DATA_DIR=/data
# glibc gives each new thread an arena of its own, up to 8 a core, and each keeps much of what it once held. With two, a
# replica takes less (README.md, Figures).
ENV MALLOC_ARENA_MAX=2
WORKDIR /data
USER 65532:65532
VOLUME /data
EXPOSE 8080
STOPSIGNAL SIGTERM
# Not ready while it drains, too: whoever rolls a deploy waits for exactly this.
HEALTHCHECK --interval=5s --timeout=5s --start-period=20s --retries=3 CMD ["/usr/local/bin/gryag", "health"]
ENTRYPOINT ["/usr/local/bin/gryag"]
CMD ["serve"]
