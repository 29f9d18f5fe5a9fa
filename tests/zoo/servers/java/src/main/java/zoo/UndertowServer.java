package zoo;

import io.undertow.Undertow;
import io.undertow.UndertowOptions;
import io.undertow.servlet.Servlets;
import io.undertow.servlet.api.DeploymentInfo;
import io.undertow.servlet.api.DeploymentManager;
import io.undertow.servlet.api.ServletInfo;
import io.undertow.servlet.util.ImmediateInstanceFactory;

/** Undertow with servlets, as it comes and with escaped slashes decoded. */
final class UndertowServer {
    static void start(int port, boolean decode) throws Exception {
        DeploymentInfo info =
                Servlets.deployment()
                        .setClassLoader(UndertowServer.class.getClassLoader())
                        .setContextPath("/")
                        .setDeploymentName("undertow-" + port);
        for (String route : Main.ROUTES) {
            info.addServlet(servlet(route, route + "/*"));
        }
        info.addServlet(servlet("none", "/"));
        DeploymentManager manager = Servlets.newContainer().addDeployment(info);
        manager.deploy();
        Undertow.Builder builder =
                Undertow.builder()
                        .setIoThreads(1)
                        .setWorkerThreads(8)
                        .addHttpListener(port, "127.0.0.1", manager.start());
        if (decode) {
            builder.setServerOption(UndertowOptions.DECODE_SLASH, true);
        }
        builder.build().start();
    }

    private static ServletInfo servlet(String handler, String mapping) {
        Seen seen = new Seen(handler);
        return Servlets.servlet(handler, Seen.class, new ImmediateInstanceFactory<>(seen))
                .addMapping(mapping);
    }
}
