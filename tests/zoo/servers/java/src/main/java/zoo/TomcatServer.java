package zoo;

import org.apache.catalina.Context;
import org.apache.catalina.connector.Connector;
import org.apache.catalina.core.StandardHost;
import org.apache.catalina.startup.Tomcat;

/**
 * Tomcat, as it comes and with other values of a connector's encodedSolidusHandling; with
 * backslashes let in and decoded as well.
 */
final class TomcatServer {
    static void start(int port, String decoding, boolean backslash) throws Exception {
        Tomcat tomcat = new Tomcat();
        tomcat.setBaseDir(System.getenv("ZOO_SCRATCH") + "/tomcat-" + port);
        Connector connector = new Connector();
        connector.setPort(port);
        connector.setProperty("address", "127.0.0.1");
        connector.setProperty("maxKeepAliveRequests", "-1");
        connector.setProperty("maxThreads", "8");
        connector.setEncodedSolidusHandling(decoding);
        if (backslash) {
            connector.setEncodedReverseSolidusHandling(decoding);
            connector.setAllowBackslash(true);
            connector.setProperty("relaxedPathChars", "\\\"<>[]^`{|}");
        }
        tomcat.setConnector(connector);
        Context context = tomcat.addContext("", null);
        for (String route : Main.ROUTES) {
            Tomcat.addServlet(context, route, new Seen(route));
            context.addServletMappingDecoded(route + "/*", route);
        }
        Tomcat.addServlet(context, "none", new Seen("none"));
        context.addServletMappingDecoded("/", "none");
        tomcat.start();
    }

    /** Tomcat with virtual hosts. */
    static void startHosts(int port) throws Exception {
        Tomcat tomcat = new Tomcat();
        tomcat.setBaseDir(System.getenv("ZOO_SCRATCH") + "/tomcat-" + port);
        Connector connector = new Connector();
        connector.setPort(port);
        connector.setProperty("address", "127.0.0.1");
        connector.setProperty("maxKeepAliveRequests", "-1");
        tomcat.setConnector(connector);
        tomcat.getEngine().setDefaultHost("default");
        for (String name : new String[] {"default", "open.test", "closed.test"}) {
            StandardHost host = new StandardHost();
            host.setName(name);
            tomcat.getEngine().addChild(host);
            Context context = tomcat.addContext(host, "", null);
            Tomcat.addServlet(context, name, new Seen(name));
            context.addServletMappingDecoded("/", name);
        }
        tomcat.start();
    }
}
