stopmsg stop: sending to http://127.0.0.1:18080 (from STOPMSG_BASE_URL), which is not the address of idigital
stopmsg stop: internal error: /work/wt/audit/lua/stopmsg/client/runs.lua:48: attempt to index a nil value (local 'operation')
