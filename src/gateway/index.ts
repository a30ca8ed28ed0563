// The public face of the S3 gateway.
export { createGateway, type Gateway, type GatewayOptions, READY_PROBE_MS } from './gateway.ts';
export { DEFAULT_LIMITS, type GatewayLimits } from './limits.ts';
export type { GatewayLogger } from './s3-handler.ts';
