-- Sends a random line of a file as the body of each request. Arguments: the file of the headers, the file of the
-- bodies, a seed. At the end, one line of JSON after what wrk itself prints.
local requests = {}

function init(args)
   for line in io.lines(args[1]) do
      local name, value = line:match("^([^:]+): (.*)$")
      wrk.headers[name] = value
   end
   for line in io.lines(args[2]) do
      requests[#requests + 1] = wrk.format("POST", nil, nil, line)
   end
   math.randomseed(tonumber(args[3]))
end

function request()
   return requests[math.random(#requests)]
end

function done(summary, latency)
   local errors = summary.errors
   io.write(string.format(
      '\n{"answers": %d, "seconds": %f, "p50": %f, "p99": %f, "failed": %d}\n',
      summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
      errors.status + errors.connect + errors.read + errors.write + errors.timeout
   ))
end
