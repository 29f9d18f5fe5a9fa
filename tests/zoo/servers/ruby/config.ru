# Rack's own router and files, and Sinatra, run by Puma: one port for each.
require 'rack'
require 'sinatra/base'

ROUTES = ENV.fetch('ZOO_ROUTES').split
PORTS = ENV.fetch('ZOO_PORTS').split.to_h { |entry| entry.split('=') }

# Answers with the handler, the path that chose it, and the variables of the program.
module Seen
  def self.answer(env, handler, path)
    lines = [handler, path.b]
    env.each { |name, value| lines << "#{name}=#{value}".b if value.is_a?(String) }
    [200, { 'content-type' => 'text/plain' }, [lines.join("\n".b)]]
  end
end

answer = ->(handler) { ->(env) { Seen.answer(env, handler, env['SCRIPT_NAME'] + env['PATH_INFO']) } }
map = ROUTES.to_h { |route| [route, answer.call(route)] }
router = Rack::URLMap.new(map.merge('/' => answer.call('none')))

hosts = Rack::URLMap.new(
  'http://open.test/' => answer.call('open.test'),
  'http://closed.test/' => answer.call('closed.test'),
  '/' => answer.call('default')
)

# Sinatra decodes the path before it matches.
class Zoo < Sinatra::Base
  set :environment, :production
  set :host_authorization, {}
  disable :protection, :logging, :static
  %w[GET POST].product(ROUTES) do |verb, folder|
    route(verb, "#{folder}/*") { Seen.answer(env, folder, "#{folder}/#{params['splat'].first}") }
  end
  get('/*') { Seen.answer(env, 'none', "/#{params['splat'].first}") }
end

apps = {
  PORTS['rack'] => router,
  PORTS['rack-files'] => Rack::Files.new(ENV.fetch('ZOO_FILES')),
  PORTS['rack-hosts'] => hosts,
  PORTS['sinatra'] => Zoo.new
}
run ->(env) { apps.fetch(env['puma.socket'].to_io.local_address.ip_port.to_s).call(env) }
