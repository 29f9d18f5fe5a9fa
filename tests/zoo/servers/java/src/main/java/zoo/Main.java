package zoo;

import java.util.HashMap;
import java.util.Map;

/** Starts every Java server of the zoo whose name ZOO_PORTS holds. */
public final class Main {
    /** Where each of them listens. */
    static final Map<String, Integer> PORTS = new HashMap<>();
    /** The folders for which there are handlers, such as {@code /v1/payments}. */
    static final String[] ROUTES = System.getenv("ZOO_ROUTES").split(" ");

    public static void main(String[] arguments) throws Exception {
        for (String entry : System.getenv("ZOO_PORTS").split(" ")) {
            String[] parts = entry.split("=");
            PORTS.put(parts[0], Integer.valueOf(parts[1]));
        }
        for (String name : PORTS.keySet()) {
            int port = PORTS.get(name);
            switch (name) {
                case "tomcat" -> TomcatServer.start(port, "reject", false);
                case "tomcat-decode" -> TomcatServer.start(port, "decode", false);
                case "tomcat-passthrough" -> TomcatServer.start(port, "passthrough", false);
                case "tomcat-backslash" -> TomcatServer.start(port, "decode", true);
                case "tomcat-hosts" -> TomcatServer.startHosts(port);
                case "jetty-hosts" -> JettyServer.startHosts(port);
                case "jetty" -> JettyServer.start(port, false);
                case "jetty-unsafe" -> JettyServer.start(port, true);
                case "undertow" -> UndertowServer.start(port, false);
                case "undertow-decode" -> UndertowServer.start(port, true);
                case "spring" -> SpringServer.start(port, false);
                case "spring-text" -> SpringServer.start(port, true);
                default -> { }
            }
        }
    }
}
