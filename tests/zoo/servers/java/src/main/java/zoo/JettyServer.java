package zoo;

import org.eclipse.jetty.ee10.servlet.ServletContextHandler;
import org.eclipse.jetty.ee10.servlet.ServletHolder;
import org.eclipse.jetty.http.UriCompliance;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.HttpConnectionFactory;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.server.handler.ContextHandlerCollection;

/** Jetty with servlets, as it comes and with the URIs of older versions let in. */
final class JettyServer {
    static void start(int port, boolean legacy) throws Exception {
        Server server = new Server();
        HttpConfiguration configuration = new HttpConfiguration();
        if (legacy) {
            configuration.setUriCompliance(UriCompliance.UNSAFE);
        }
        ServerConnector connector =
                new ServerConnector(server, 1, 1, new HttpConnectionFactory(configuration));
        connector.setHost("127.0.0.1");
        connector.setPort(port);
        server.addConnector(connector);
        ServletContextHandler context = new ServletContextHandler("/");
        context.getServletHandler().setDecodeAmbiguousURIs(legacy);
        for (String route : Main.ROUTES) {
            context.addServlet(new ServletHolder(new Seen(route)), route + "/*");
        }
        context.addServlet(new ServletHolder(new Seen("none")), "/");
        server.setHandler(context);
        server.start();
    }

    /** Jetty with virtual hosts. */
    static void startHosts(int port) throws Exception {
        Server server = new Server();
        ServerConnector connector = new ServerConnector(server, 1, 1);
        connector.setHost("127.0.0.1");
        connector.setPort(port);
        server.addConnector(connector);
        ContextHandlerCollection contexts = new ContextHandlerCollection();
        for (String name : new String[] {"open.test", "closed.test", "default"}) {
            ServletContextHandler context = new ServletContextHandler("/");
            if (!name.equals("default")) {
                context.addVirtualHosts(name);
            }
            context.addServlet(new ServletHolder(new Seen(name)), "/");
            contexts.addHandler(context);
        }
        server.setHandler(contexts);
        server.start();
    }
}
