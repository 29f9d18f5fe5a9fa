<?php
// A front controller: every request ends here, and the path is the program's to read.
$sent = parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH);
if (!is_string($sent)) {
    http_response_code(400);
    exit;
}
$path = rawurldecode($sent);
$handler = 'none';
foreach (explode(' ', getenv('ZOO_ROUTES')) as $route) {
    if ($path === $route || str_starts_with($path, "$route/")) {
        $handler = $route;
    }
}
header('content-type: text/plain');
echo "$handler\n$path\n";
foreach ($_SERVER as $name => $value) {
    if (is_string($value)) {
        echo "$name=$value\n";
    }
}
