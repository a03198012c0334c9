-- What :Fpb and the <Plug> maps do.
local client = require('fpbls.client')
local M = {}

--- Runs the first code action of the kind at the cursor.
local function at_cursor(kind, what)
  return function()
    if #vim.lsp.get_clients({ name = 'fpbls', bufnr = 0 }) == 0 then
      vim.notify('fpbls: put the cursor into a function of a C or C++ file of the project', vim.log.levels.WARN)
      return
    end
    vim.lsp.buf.code_action({
      apply = true,
      context = { only = { kind }, diagnostics = {} },
      filter = function(action) return action.kind == kind and (not what or action.title:find('^' .. what)) ~= nil end,
    })
  end
end

--- For functions that are named, instead of the one at the cursor.
local function named(command, field)
  return function(name)
    local arguments = { uri = vim.uri_from_bufnr(0) }
    arguments[field or 'function'] = name
    client.run(command, arguments) -- the server shows what came of it
  end
end

---@type table<string, { at: fun()?, named: fun(name: string)?, complete: (fun(): string[])? }>
M.commands = {
  inject = { at = at_cursor('fpbls.inject'), named = named('inject') },
  update = { at = at_cursor('fpbls.inject', 'Update'), named = named('inject') },
  changed = {
    at = function() client.run('injectChanged', { uri = vim.uri_from_bufnr(0) }) end,
  },
  revert = { at = at_cursor('fpbls.revert'), named = named('revert') },
  enable = { at = at_cursor('fpbls.enable'), named = named('enable') },
  disable = { at = at_cursor('fpbls.disable'), named = named('disable') },
  check = { at = at_cursor('fpbls.check'), named = named('check') },
  disasm = {
    at = at_cursor('fpbls.disassemble'),
    named = function(name) client.run('disassemble', { uri = vim.uri_from_bufnr(0), ['function'] = name, show = true }) end,
  },
  board = { at = function() require('fpbls.board').open() end },
  log = {
    at = function() require('fpbls.log').open() end,
    named = function(text) client.run('send', { text = text .. '\n' }) end,
  },
  port = {
    at = function()
      client.run('ports', nil, function(result)
        local names = vim.tbl_map(function(p) return p.name end, result.ports or {})
        table.insert(names, 'sim:')
        vim.ui.select(names, { prompt = 'Port of the board' }, function(name)
          if name then M.commands.port.named(name) end
        end)
      end)
    end,
    named = function(port)
      client.run('connect', { port = port }, function(status) vim.notify('fpbls: ' .. status.text) end)
    end,
  },
  reload = { at = function() client.run('reload') end },
}

--- :Fpb [what [name]]
function M.command(args)
  local what, name = args.fargs[1] or 'board', table.concat(vim.list_slice(args.fargs, 2), ' ')
  local c = M.commands[what]
  if not c then
    vim.notify('Fpb has no ' .. what .. '; it has ' .. table.concat(vim.fn.sort(vim.tbl_keys(M.commands)), ', '), vim.log.levels.ERROR)
  elseif name ~= '' and c.named then
    c.named(name)
  else
    c.at()
  end
end

function M.complete(lead, line)
  local words = vim.split(line, '%s+')
  local choices = {}
  if #words <= 2 then
    choices = vim.tbl_keys(M.commands)
  elseif vim.tbl_contains({ 'revert', 'enable', 'disable', 'disasm' }, words[2]) then
    choices = vim.tbl_map(function(p) return p['function'] end, require('fpbls.board').status.patches or {})
  end
  return vim.fn.sort(vim.tbl_filter(function(c) return vim.startswith(c, lead) end, choices))
end

return M
