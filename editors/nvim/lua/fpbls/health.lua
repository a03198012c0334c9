-- :checkhealth fpbls
local M = {}

function M.check()
  local health = vim.health
  local cmd = require('fpbls.client').config().cmd
  health.start('fpbls: server')
  if vim.fn.executable(cmd[1]) == 0 then
    health.error(cmd[1] .. ' is not on the PATH', { 'go install github.com/fpbls/fpbls/cmd/fpbls@latest', "or set vim.g.fpbls = { cmd = { '/path/to/fpbls', 'serve' } }" })
    return
  end
  health.ok(vim.trim(vim.fn.system({ cmd[1], 'version' })))
  local client = require('fpbls.client').get()
  if not client then
    health.warn('the server is not running', { "call vim.lsp.enable('fpbls') (0.11 and later), then open a C or C++ file" })
    return
  end
  health.ok('the server runs for ' .. (client.config.root_dir or 'a single file'))

  health.start('fpbls: project and board')
  local checks = vim.fn.system({ cmd[1], '--json', '-C', client.config.root_dir or '.', 'doctor' })
  local ok, result = pcall(vim.json.decode, checks)
  if not ok then
    health.error('doctor said: ' .. checks)
    return
  end
  local list = result.checks or (result.error and result.error.checks) or {}
  for _, c in ipairs(list) do
    local text = c.name .. ': ' .. c.message
    if c.status == 'ok' then
      health.ok(text)
    elseif c.status == 'failed' then
      health.error(text, c.hint and { c.hint } or nil)
    else
      health.warn(text, c.hint and { c.hint } or nil)
    end
  end
  if #list == 0 and result.error then health.error(result.error.message, { result.error.hint }) end
end

return M
