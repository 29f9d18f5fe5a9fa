package zoo;

import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.lang.reflect.Method;
import java.util.Map;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.context.ApplicationContext;
import org.springframework.http.server.PathContainer;
import org.springframework.web.servlet.mvc.method.RequestMappingInfo;
import org.springframework.web.servlet.mvc.method.annotation.RequestMappingHandlerMapping;
import org.springframework.web.util.UrlPathHelper;

/**
 * Spring Boot with its embedded Tomcat. Spring MVC matches parsed patterns, each segment decoded
 * and without its parameters, or, as before Spring 6, the decoded path as text.
 */
@SpringBootApplication
public class SpringServer {
    static void start(int port, boolean textual) throws Exception {
        SpringApplication application = new SpringApplication(SpringServer.class);
        application.setDefaultProperties(
                Map.of(
                        "server.port", port,
                        "server.address", "127.0.0.1",
                        "server.tomcat.max-keep-alive-requests", -1,
                        "server.tomcat.threads.max", 8,
                        "spring.main.banner-mode", "off",
                        "spring.mvc.pathmatch.matching-strategy",
                                textual ? "ant-path-matcher" : "path-pattern-parser"));
        ApplicationContext context = application.run();
        RequestMappingHandlerMapping mapping = context.getBean(RequestMappingHandlerMapping.class);
        Method answer =
                Endpoint.class.getMethod(
                        "answer", HttpServletRequest.class, HttpServletResponse.class);
        for (String route : Main.ROUTES) {
            mapping.registerMapping(
                    RequestMappingInfo.paths(route + "/**")
                            .options(mapping.getBuilderConfiguration())
                            .build(),
                    new Endpoint(route, textual),
                    answer);
        }
        mapping.registerMapping(
                RequestMappingInfo.paths("/**").options(mapping.getBuilderConfiguration()).build(),
                new Endpoint("none", textual),
                answer);
    }

    /** A handler, and the path that Spring matched. */
    public record Endpoint(String handler, boolean textual) {
        public void answer(HttpServletRequest request, HttpServletResponse response)
                throws IOException {
            Seen.write(handler, path(request), request, response);
        }

        private String path(HttpServletRequest request) {
            if (textual) {
                return UrlPathHelper.defaultInstance.getLookupPathForRequest(request);
            }
            StringBuilder path = new StringBuilder();
            PathContainer parsed = PathContainer.parsePath(request.getRequestURI());
            for (PathContainer.Element element : parsed.elements()) {
                path.append(
                        element instanceof PathContainer.PathSegment segment
                                ? segment.valueToMatch()
                                : element.value());
            }
            return path.toString();
        }
    }
}
