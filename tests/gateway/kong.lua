-- What Kong's Lua does to a request: find its route, set the headers for the upstream, mark the answer.
-- The sections named are those of Kong 3.9's source; nothing of Kong's code is in here.
local balancer = require "ngx.balancer"

local SERVER = "kong/3.9.3"
local MESSAGES = {
  [400] = "Bad request", [404] = "Not found", [405] = "Method not allowed", [408] = "Request timeout",
  [411] = "Length required", [412] = "Precondition failed", [413] = "Payload too large", [414] = "URI too long",
  [417] = "Expectation failed", [494] = "Request header or cookie too large",
  [500] = "An unexpected error occurred", [502] = "An invalid response was received from the upstream server",
  [503] = "The upstream server is currently unavailable", [504] = "The upstream server is timing out",
}

local kong = { routes = {} }

-- Take over a routes file (written by routes.as_lua). While there is none, or it is half a file, the old routes stay.
function kong.load(path)
  local chunk = loadfile(path)
  if chunk then
    kong.routes = setfenv(chunk, {})()
  end
end

function kong.watch(path)
  kong.load(path)
  ngx.timer.every(0.2, function() kong.load(path) end)
end

local function starts_with(text, start)
  return text:sub(1, #start) == start
end

local function host_matches(pattern, host)
  if not pattern then
    return true
  end
  if starts_with(pattern, "*.") then
    return #host >= #pattern and host:sub(1 - #pattern) == pattern:sub(2)
  end
  return host == pattern
end

local function path_matches(route, path)
  if route.match == "exact" then
    return path == route.path
  end
  if route.match == "prefix" then
    return starts_with(path, route.path)
  end
  local folder = route.path:gsub("/+$", "")
  return path == folder or starts_with(path, folder .. "/")
end

local function find(host, path)
  for _, route in ipairs(kong.routes) do
    if host_matches(route.host, host) and path_matches(route, path) then
      return route
    end
  end
end

-- Kong reads a header's first line only (kong/tools/http.lua, get_header), and at most 100 headers; it takes
-- underscores for hyphens.
local function header(name)
  local headers = ngx.req.get_headers()
  local value = headers[name] or headers[name:gsub("-", "_")]
  if type(value) == "table" then
    return value[1]
  end
  return value
end

local function own_headers()
  ngx.header["Server"] = SERVER
  ngx.header["X-Kong-Response-Latency"] = math.floor((ngx.now() - ngx.req.start_time()) * 1000)
  ngx.header["X-Kong-Request-Id"] = ngx.var.request_id
end

local function answer(status, message)
  ngx.status = status
  own_headers()
  local accept = header("accept") or ""
  local id = ngx.var.request_id
  if accept:find("text/html", 1, true) then
    ngx.header["Content-Type"] = "text/html; charset=utf-8"
    ngx.print("<!doctype html>\n<html>\n  <head>\n    <meta charset=\"utf-8\">\n    <title>Error</title>\n  </head>\n  <body>\n",
      "    <h1>Error</h1>\n    <p>", message, ".</p>\n    <p>request_id: ", id, "</p>\n  </body>\n</html>\n")
  elseif accept:find("text/plain", 1, true) or (status == 400 and accept == "") then
    ngx.header["Content-Type"] = "text/plain; charset=utf-8"
    ngx.print(message, "\nrequest_id: ", id, "\n")
  else
    ngx.header["Content-Type"] = "application/json; charset=utf-8"
    ngx.print("{\n  \"message\":\"", message, "\",\n  \"request_id\":\"", id, "\"\n}")
  end
  return ngx.exit(ngx.HTTP_OK)
end

-- Headers for the upstream (kong/runloop/handler.lua). Whether a peer's X-Forwarded-* are kept is decided on the TCP
-- peer, before realip; X-Forwarded-For is handed on whoever sent it.
local function forward(path, prefix)
  local var = ngx.var
  local trusted = var.kong_trusted == "1"
  local function kept(name, own)
    return trusted and header(name) or own
  end
  var.upstream_x_forwarded_proto = kept("x-forwarded-proto", var.scheme)
  var.upstream_x_forwarded_host = kept("x-forwarded-host", var.host)
  var.upstream_x_forwarded_port = kept("x-forwarded-port", var.server_port)
  var.upstream_x_forwarded_path = kept("x-forwarded-path", path)
  var.upstream_x_forwarded_prefix = kept("x-forwarded-prefix", prefix)
  local chain = header("x-forwarded-for")
  var.upstream_x_forwarded_for = chain and chain .. ", " .. var.realip_remote_addr or var.remote_addr
  local via = header("via")
  var.upstream_via = (via and via .. ", " or "") .. "1.1 " .. SERVER
end

function kong.access()
  local path, query = ngx.var.request_uri:match("^([^?]*)(.*)$")
  local host = (ngx.var.http_host or ""):lower():gsub(":%d+$", "")
  local route = find(host, path)
  if not route then
    return answer(404, "no Route matched with those values")
  end
  if route.key and not header("apikey") then
    ngx.header["WWW-Authenticate"] = "Key"
    return answer(401, "No API key found in request")
  end
  if #route.targets == 0 then
    return answer(503, "failure to get a peer from the ring-balancer")
  end
  local prefix = ""
  if route.strip and route.path ~= "/" then
    prefix = route.path:gsub("/+$", "")
    path = path:sub(#prefix + 1)
    if not starts_with(path, "/") then
      path = "/" .. path
    end
  end
  forward(ngx.var.request_uri:match("^[^?]*"), prefix)
  ngx.var.upstream_uri = path .. query
  ngx.ctx.targets = route.targets
end

local turn = 0
function kong.balance()
  local targets = ngx.ctx.targets
  turn = turn + 1
  local target = targets[turn % #targets + 1]
  assert(balancer.set_current_peer(target[1], target[2]))
end

-- Only an answer that came from an upstream has targets in its context; error pages start with an empty one.
function kong.mark()
  if not ngx.ctx.targets then
    return
  end
  local via = ngx.header["Via"]
  if type(via) == "table" then
    via = table.concat(via, ", ")
  end
  ngx.header["Via"] = (via and via .. ", " or "") .. "1.1 " .. SERVER
  local upstream = math.floor((tonumber(ngx.var.upstream_header_time) or 0) * 1000)
  local all = math.floor((ngx.now() - ngx.req.start_time()) * 1000)
  ngx.header["X-Kong-Upstream-Latency"] = upstream
  ngx.header["X-Kong-Proxy-Latency"] = math.max(0, all - upstream)
  ngx.header["X-Kong-Request-Id"] = ngx.var.request_id
end

function kong.explain()
  return answer(ngx.status, MESSAGES[ngx.status] or MESSAGES[500])
end

return kong
