-- What a person does with the plugin, headless, on the demo project. The exit code tells.
local version = vim.version()
local start = vim.uv.hrtime()

local function say(text) io.stdout:write(text .. '\n') end
local function step(what) say(('%6.0f ms  %s'):format((vim.uv.hrtime() - start) / 1e6, what)) end
local function wait(what, done)
  if not vim.wait(20000, done, 20) then error('in vain: ' .. what, 0) end
  step(what)
end

local source = vim.api.nvim_get_current_buf()
local function client() return vim.lsp.get_clients({ bufnr = source, name = 'fpbls' })[1] end
local function text(buffer) return table.concat(vim.api.nvim_buf_get_lines(buffer or source, 0, -1, false), '\n') end
local function lenses()
  local titles = {}
  local found = version.minor >= 12 and vim.lsp.codelens.get({ bufnr = source }) or vim.lsp.codelens.get(source)
  for _, l in ipairs(found or {}) do
    local lens = l.lens or l
    if lens.command then table.insert(titles, lens.command.title) end
  end
  return table.concat(titles, '\n')
end
local function shown(pattern)
  return function()
    if version.minor < 12 then vim.lsp.codelens.refresh({ bufnr = source }) end
    return lenses():find(pattern, 1, true) ~= nil
  end
end
local function edit(from, to)
  vim.api.nvim_set_current_buf(source)
  vim.cmd(('silent %%s/%s/%s/'):format(from, to))
end
local function cursor(pattern)
  vim.api.nvim_set_current_buf(source)
  vim.fn.cursor(1, 1)
  assert(vim.fn.search(pattern) > 0, pattern)
end
local output
-- From now on.
local function prints(pattern)
  output = output or vim.fn.bufnr('fpbls://output')
  local from = vim.api.nvim_buf_line_count(output)
  return function()
    local lines = vim.api.nvim_buf_get_lines(output, from, -1, false)
    return table.concat(lines, '\n'):find(pattern, 1, true) ~= nil
  end
end
local said = {}
vim.notify = function(message) table.insert(said, message) end ---@diagnostic disable-line
local function told(pattern)
  return function() return table.concat(said, '\n'):find(pattern, 1, true) ~= nil end
end

local ok, failure = xpcall(function()
  say('Neovim ' .. tostring(version))
  wait('the server is attached', function() return client() and client().initialized end)
  wait('lenses', shown('Inject'))

  cursor('status_text')
  vim.cmd('Fpb inject')
  wait('injected, and connected before', shown('live, slot 0'))
  vim.cmd('Fpb log')
  vim.cmd('wincmd p')
  wait('the log shows what the board prints', prints('all systems nominal'))
  vim.cmd('Fpb board')
  wait('the board window', function() return text(vim.fn.bufnr('fpbls://board')):find('status_text', 1, true) end)
  vim.cmd('wincmd p')

  edit('all systems nominal', 'patched from Neovim')
  cursor('status_text')
  wait('edited since injected', shown('edited since injected'))
  vim.cmd('Fpb update')
  wait('updated: the board prints the new text', prints('patched from Neovim'))

  edit('return "patched', 'retrun "patched')
  cursor('status_text')
  vim.cmd('Fpb update')
  wait('a syntax error stands at its line', function()
    local d = vim.diagnostic.get(source)[1]
    return d and d.lnum == vim.fn.search('retrun', 'nw') - 1
  end)
  wait('and is told in words', told('does not compile'))
  wait('the old patch runs on', prints('patched from Neovim'))
  edit('retrun', 'return')
  cursor('status_text')
  vim.cmd('Fpb update')
  wait('mended', function() return #vim.diagnostic.get(source) == 0 end)

  vim.cmd('Fpb disable status_text')
  wait('disabled: the firmware\'s own code runs', prints('all systems nominal'))
  vim.cmd('Fpb enable status_text')
  wait('enabled', prints('patched from Neovim'))
  assert(vim.tbl_contains(vim.fn.getcompletion('Fpb revert ', 'cmdline'), 'status_text'))
  cursor('status_text')
  vim.cmd('Fpb revert')
  wait('reverted', prints('all systems nominal'))
  wait('and its lens', function()
    shown('')()
    return not lenses():find('live', 1, true)
  end)

  vim.cmd('Fpb changed')
  wait('what differs is injected', prints('patched from Neovim'))
  edit('patched from Neovim', 'all systems nominal')
  vim.cmd('Fpb changed')
  wait('and taken back once it equals the firmware', prints('all systems nominal'))
  edit('all systems nominal', 'patched from Neovim')

  edit('const char \\*status_text', 'static int burst;\\rvoid print(const char *, ...);\\rconst char *status_text')
  edit('return "patched', 'while (burst < 20000) print("burst %d................................\\\\n", burst++);\\r    return "patched')
  cursor('status_text')
  vim.cmd('Fpb inject')
  wait('a megabyte at once', prints('patched from Neovim'))
  local last, lines = -1, 0
  for _, line in ipairs(vim.api.nvim_buf_get_lines(output, 0, -1, false)) do
    local n = tonumber(line:match('burst (%d+)%.+$'))
    if line:find('bytes were dropped') then
      last = nil
    elseif n then
      assert(not last or last == -1 or n == last + 1, ('%s follows %s'):format(n, last))
      last, lines = n, lines + 1
    end
  end
  assert(lines > 0 and vim.api.nvim_buf_line_count(output) <= 20001, 'the log grows')
  step(('in order, %d lines of it kept'):format(lines))

  vim.cmd('checkhealth fpbls')
  wait('checkhealth sees the board', function() return text(0):find('the board runs the ELF', 1, true) end)
  vim.cmd('bwipeout!')
  vim.fn.writefile({ 'port = "tcp://127.0.0.1:1"' }, 'fpbls.toml')
  vim.cmd('checkhealth fpbls')
  wait('checkhealth says what is wrong without one', function() return text(0):find('nothing answers', 1, true) end)
  vim.cmd('helptags ALL')
  vim.cmd('help fpbls-setup')
  step('and there is help')
end, debug.traceback)

for _, c in ipairs(vim.lsp.get_clients()) do
  if version.minor >= 11 then c:stop() else c.stop() end ---@diagnostic disable-line
end
if not ok then
  say(failure)
  say('told: ' .. table.concat(said, '\n'))
  say('lenses: ' .. lenses())
  if output then say('output: ' .. table.concat(vim.api.nvim_buf_get_lines(output, -6, -1, false), '\n')) end
  vim.cmd('cquit 1')
end
vim.cmd('qall!')
