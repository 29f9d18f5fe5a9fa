// Node's own HTTP server, with the ways in which programs take the path from a request.
import http from 'node:http';
import { posix } from 'node:path';
import { listen, routeOf, seen } from './seen.mjs';

const raw = (request) => request.url.split('?')[0];
const paths = {
  // As it was sent.
  node: raw,
  // By the URL standard, which resolves dot segments and takes a backslash for a slash.
  'node-url': (request) => new URL(request.url, 'http://upstream').pathname,
  // As programs do that serve files, and object stores: decoded, then normalized.
  'node-normalize': (request) => posix.normalize(decodeURIComponent(raw(request))),
  // The other way about.
  'node-decode-last': (request) => decodeURIComponent(posix.normalize(raw(request))),
};

for (const [name, pathOf] of Object.entries(paths)) {
  listen(name, () =>
    http.createServer({ keepAliveTimeout: 0 }, (request, response) => {
      try {
        const path = pathOf(request);
        seen(request, response, routeOf(path), path);
      } catch {
        response.writeHead(400).end();
      }
    }),
  );
}
