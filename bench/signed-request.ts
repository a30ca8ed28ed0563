// A SigV4 client for load: signs S3 requests over kept-alive connections.
import { createHash, createHmac } from 'node:crypto';
import { Agent, request } from 'node:http';

export interface Target {
  readonly host: string;
  readonly port: number;
  readonly accessKey: string;
  readonly secretKey: string;
}

const agent = new Agent({ keepAlive: true, maxSockets: 256 });
const EMPTY_SHA256 = createHash('sha256').digest('hex');
const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();
const signingKeys = new Map<string, Buffer>();

function signingKey(secretKey: string, date: string): Buffer {
  const cached = signingKeys.get(date + secretKey);
  if (cached !== undefined) return cached;
  const key = ['us-east-1', 's3', 'aws4_request'].reduce<Buffer>(hmac, hmac(`AWS4${secretKey}`, date));
  signingKeys.set(date + secretKey, key);
  return key;
}

/** Sends one request, reads the answer to its end, and rejects unless it is a success. The path needs no encoding. */
export function send(target: Target, method: string, path: string, body?: Buffer): Promise<Buffer> {
  const time = new Date().toISOString().replace(/[-:]|\.\d{3}/g, '');
  const date = time.slice(0, 8);
  const hash = body === undefined ? EMPTY_SHA256 : createHash('sha256').update(body).digest('hex');
  const host = `${target.host}:${target.port}`;
  const [resource = '', query = ''] = path.split('?');
  const signed = 'host;x-amz-content-sha256;x-amz-date';
  const canonical = `${method}\n${resource}\n${query}\nhost:${host}\nx-amz-content-sha256:${hash}\nx-amz-date:${time}\n\n${signed}\n${hash}`;
  const scope = `${date}/us-east-1/s3/aws4_request`;
  const text = `AWS4-HMAC-SHA256\n${time}\n${scope}\n${createHash('sha256').update(canonical).digest('hex')}`;
  const signature = hmac(signingKey(target.secretKey, date), text).toString('hex');
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        host: target.host,
        port: target.port,
        method,
        path,
        agent,
        headers: {
          host,
          'x-amz-date': time,
          'x-amz-content-sha256': hash,
          authorization: `AWS4-HMAC-SHA256 Credential=${target.accessKey}/${scope}, SignedHeaders=${signed}, Signature=${signature}`,
          'content-length': body?.length ?? 0,
          // some servers want it of a deletion
          ...(method === 'POST'
            ? {
                'content-md5': createHash('md5')
                  .update(body ?? '')
                  .digest('base64'),
              }
            : {}),
        },
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const answer = Buffer.concat(chunks);
          if ((response.statusCode ?? 500) < 300) resolve(answer);
          else reject(new Error(`${method} ${path}: ${response.statusCode} ${answer.toString().slice(0, 300)}`));
        });
      },
    );
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}
