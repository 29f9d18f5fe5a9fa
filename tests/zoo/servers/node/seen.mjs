// What the servers for Node share.
const ports = new Map(process.env.ZOO_PORTS.split(' ').map((entry) => entry.split('=')));

/** The folders for which there are handlers, such as `/v1/payments`. */
export const routes = process.env.ZOO_ROUTES.split(' ');

/** The handler of a path: the folder that it is in. */
export const routeOf = (path) =>
  routes.find((route) => path === route || path.startsWith(`${route}/`)) ?? 'none';

/** The virtual host of a name. */
export const hostOf = (name) =>
  ['open.test', 'closed.test'].find((host) => host === name) ?? 'default';

/** Starts a server where ZOO_PORTS says so. `make` gives what has `listen`. */
export function listen(name, make) {
  if (ports.has(name)) make().listen(Number(ports.get(name)), '127.0.0.1');
}

/** Text: the handler, the path that chose it, and the headers that the program sees. */
export function text(request, handler, path) {
  let out = `${handler}\n${path}\n`;
  const trailers = Object.entries(request.trailers ?? {});
  for (const [name, value] of [...Object.entries(request.headers), ...trailers]) {
    for (const each of [value].flat()) out += `${name}=${each}\n`;
  }
  return out;
}

/** Answers with that. */
export function seen(request, response, handler, path) {
  // Trailers come with the end of the body.
  request.on('end', () => {
    const body = text(request, handler, path);
    response.writeHead(200, { 'content-type': 'text/plain' });
    response.end(body);
  });
  request.resume();
}
