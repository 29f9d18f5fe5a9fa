# One port for each of the programs in config.ru.
ports = ENV.fetch('ZOO_PORTS').split.to_h { |entry| entry.split('=') }
%w[rack rack-files rack-hosts sinatra].each { |name| bind "tcp://127.0.0.1:#{ports.fetch(name)}" }
threads 16, 16
persistent_timeout 600
quiet
rackup File.join(__dir__, 'config.ru')
