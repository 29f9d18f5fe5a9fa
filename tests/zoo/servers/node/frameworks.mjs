// Express, Fastify and Koa, as their documentation shows them.
import Router from '@koa/router';
import express from 'express';
import fastify from 'fastify';
import Koa from 'koa';
import './http.mjs';
import { hostOf, listen, routes, seen, text } from './seen.mjs';

const wildcard = (value) => [value].flat().join('/');

listen('express', () => {
  const app = express();
  for (const route of routes) {
    app.all(`${route}/*rest`, (request, response) =>
      seen(request, response, route, `${route}/${wildcard(request.params.rest)}`),
    );
  }
  app.use((request, response) => seen(request, response, 'none', request.path));
  return app;
});

// Applications mounted in another one: what is left of the path is theirs.
listen('express-mounted', () => {
  const app = express();
  for (const route of routes) {
    app.use(route, (request, response) =>
      seen(request, response, route, request.baseUrl + request.path),
    );
  }
  app.use((request, response) => seen(request, response, 'none', request.path));
  return app;
});

listen('express-files', () => express().use(express.static(process.env.ZOO_FILES)));

listen('fastify', () => {
  const app = fastify();
  const answer = (handler, path) => (request, reply) =>
    reply.type('text/plain').send(text(request.raw, handler, path(request)));
  for (const route of routes) {
    app.all(`${route}/*`, answer(route, (request) => `${route}/${request.params['*']}`));
  }
  app.all('*', answer('none', (request) => request.params['*']));
  return { listen: (port, host) => app.listen({ port, host }) };
});

listen('koa', () => {
  const app = new Koa();
  const router = new Router();
  for (const route of routes) {
    router.all(`${route}/{*rest}`, (context) => {
      context.body = text(context.req, route, `${route}/${context.params.rest ?? ''}`);
    });
  }
  app.use(router.routes());
  app.use((context) => {
    context.status = 200;
    context.body = text(context.req, 'none', context.path);
  });
  return app;
});

listen('express-hosts', () => {
  const app = express();
  app.use((request, response) => seen(request, response, hostOf(request.hostname), '/'));
  return app;
});
