// A webhook of its own process, which can be killed: writes each POST's body as a line into a file, and answers then.
// Arguments: PORT FILE [MILLISECONDS that it takes].
import { appendFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';

const [port, file, takesMs = '0'] = process.argv.slice(2);

createServer((request, response) => {
  const parts = [];
  request.on('data', (part) => parts.push(part));
  request.on('end', async () => {
    await pause(Number(takesMs));
    if (request.method === 'POST') appendFileSync(file, `${Buffer.concat(parts)}\n`);
    response.writeHead(200).end();
  });
}).listen(Number(port), '127.0.0.1');
