# Watchfire from its TypeScript sources: Node 24 runs them as they are, so there is nothing to build.
FROM node:24-slim

ENV NODE_ENV=production \
    WATCHFIRE_HOST=0.0.0.0 \
    WATCHFIRE_PORT=8080 \
    WATCHFIRE_DATA=/data

WORKDIR /app

# The packages change more seldom than the sources. The image has its own Node: the optional one for older hosts stays out.
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --omit=optional --ignore-scripts && npm cache clean --force

COPY . .

RUN mkdir /data && chown node:node /data
USER node
VOLUME /data
EXPOSE 8080

HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.WATCHFIRE_PORT}/health/ready`).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]

# It drains for WATCHFIRE_DRAIN_SECONDS after SIGTERM; give it longer than that: docker stop --time 40.
STOPSIGNAL SIGTERM
ENTRYPOINT ["node", "--max-semi-space-size=4", "bin/watchfire.mjs"]
CMD ["serve"]
