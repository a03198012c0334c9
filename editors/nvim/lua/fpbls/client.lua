-- The language server: its configuration, and one way to run its commands.
local M = {}

---@class fpbls.Options
---@field cmd? string[] the server; default { 'fpbls', 'serve' }
---@field settings? table as in fpbls.toml: port, baud, elf, compileCommands, mode, injectOnSave, …
---@field lenses? boolean show code lenses; default true

---@return fpbls.Options
function M.options() return vim.g.fpbls or {} end

M.root_markers = { 'fpbls.toml', 'compile_commands.json', '.git' }

--- Shows why a command failed: the server words it for people.
local function show(err)
  if err then vim.notify('fpbls: ' .. err.message, vim.log.levels.ERROR) end
end

---@return vim.lsp.Config
function M.config()
  local options = M.options()
  return {
    cmd = options.cmd or { 'fpbls', 'serve' },
    filetypes = { 'c', 'cpp' },
    root_markers = M.root_markers,
    init_options = vim.tbl_extend('force', options.settings or {}, { status = true, protocol = 1 }),
    handlers = {
      ['workspace/executeCommand'] = show, -- of actions and lenses; the default adds numbers
      ['fpbls/status'] = function(_, status) require('fpbls.board').update(status) end,
      ['fpbls/output'] = function(_, output, ctx) require('fpbls.log').receive(output, ctx.client_id) end,
    },
  }
end

--- The client of the buffer, or the only one there is.
---@return vim.lsp.Client?
function M.get()
  local here = vim.lsp.get_clients({ name = 'fpbls', bufnr = 0 })
  return here[1] or vim.lsp.get_clients({ name = 'fpbls' })[1]
end

local function request(client, method, params, handler)
  if vim.fn.has('nvim-0.11') == 1 then return client:request(method, params, handler) end
  return client.request(method, params, handler) ---@diagnostic disable-line
end

--- Sends a notification.
function M.notify(client, method, params)
  if vim.fn.has('nvim-0.11') == 1 then return client:notify(method, params) end
  return client.notify(method, params) ---@diagnostic disable-line
end

--- Asks for the lenses of all buffers again. Neovim 0.10 does not when the server tells
--- it to.
function M.refresh_lenses()
  if vim.lsp.codelens.enable or M.options().lenses == false then return end
  for _, client in ipairs(vim.lsp.get_clients({ name = 'fpbls' })) do
    for buffer in pairs(client.attached_buffers) do
      vim.lsp.codelens.refresh({ bufnr = buffer })
    end
  end
end

--- Runs a command of the server; errors are shown, done gets the result.
---@param command string without "fpbls."
---@param arguments? table
---@param done? fun(result: table)
function M.run(command, arguments, done)
  local client = M.get()
  if not client then
    vim.notify('fpbls is not running: open a C or C++ file of the project, then see :checkhealth fpbls', vim.log.levels.ERROR)
    return
  end
  local params = { command = 'fpbls.' .. command, arguments = arguments and { arguments } or {} }
  request(client, 'workspace/executeCommand', params, function(err, result)
    show(err)
    if not err and done then done(result) end
  end)
end

return M
