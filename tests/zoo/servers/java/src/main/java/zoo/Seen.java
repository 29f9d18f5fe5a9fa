package zoo;

import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.util.Collections;

/** Answers with the handler, the path that chose it, and the headers that a servlet sees. */
final class Seen extends HttpServlet {
    private final String handler;

    Seen(String handler) {
        this.handler = handler;
    }

    @Override
    protected void service(HttpServletRequest request, HttpServletResponse response)
            throws IOException {
        String info = request.getPathInfo();
        write(handler, request.getServletPath() + (info == null ? "" : info), request, response);
    }

    static void write(
            String handler, String path, HttpServletRequest request, HttpServletResponse response)
            throws IOException {
        StringBuilder text = new StringBuilder(handler + "\n" + path + "\n");
        for (String name : Collections.list(request.getHeaderNames())) {
            for (String value : Collections.list(request.getHeaders(name))) {
                text.append(name).append('=').append(value).append('\n');
            }
        }
        response.setContentType("text/plain;charset=utf-8");
        response.getWriter().print(text);
    }
}
