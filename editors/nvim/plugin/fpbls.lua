if vim.g.loaded_fpbls then return end
vim.g.loaded_fpbls = true

vim.api.nvim_create_user_command('Fpb', function(args) require('fpbls').command(args) end, {
  nargs = '*',
  desc = 'fpbls: patch the firmware that runs',
  complete = function(lead, line) return require('fpbls').complete(lead, line) end,
})

for _, name in ipairs({ 'inject', 'update', 'changed', 'revert', 'enable', 'disable', 'check', 'disasm', 'board', 'log', 'port' }) do
  vim.keymap.set('n', '<Plug>(fpbls-' .. name .. ')', function() require('fpbls').commands[name].at() end, { desc = 'fpbls: ' .. name })
end

local group = vim.api.nvim_create_augroup('fpbls', {})

-- Neovim 0.10 has no vim.lsp.enable: start the server by file type.
if vim.fn.has('nvim-0.11') == 0 then
  vim.api.nvim_create_autocmd('FileType', {
    group = group,
    pattern = { 'c', 'cpp' },
    callback = function(ev)
      local client = require('fpbls.client')
      local config = client.config()
      config.name = 'fpbls'
      config.root_dir = vim.fs.root(ev.buf, client.root_markers)
      vim.lsp.start(config, { bufnr = ev.buf })
    end,
  })
end

vim.api.nvim_create_autocmd('LspAttach', {
  group = group,
  callback = function(ev)
    local client = vim.lsp.get_client_by_id(ev.data.client_id)
    if not client or client.name ~= 'fpbls' or require('fpbls.client').options().lenses == false then return end
    if vim.lsp.codelens.enable then
      vim.lsp.codelens.enable(true, { bufnr = ev.buf })
      return
    end
    vim.lsp.codelens.refresh({ bufnr = ev.buf })
    vim.api.nvim_create_autocmd({ 'BufEnter', 'InsertLeave', 'TextChanged' }, {
      group = group,
      buffer = ev.buf,
      callback = function() vim.lsp.codelens.refresh({ bufnr = ev.buf }) end,
    })
  end,
})
