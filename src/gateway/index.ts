// The public face of the S3 gateway.
export { createGateway, type Gateway, type GatewayOptions } from './gateway.ts';
export { DEFAULT_LIMITS, type GatewayLimits } from './limits.ts';
export { READY_PROBE_MS } from './own-paths.ts';
export type { GatewayLogger } from './s3-handler.ts';
export { checkCertificate, type ServerCertificate } from './server-certificate.ts';
export type { SidecarDoor } from './sidecar-door.ts';
