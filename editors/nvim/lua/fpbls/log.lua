-- What the firmware prints, in a buffer that follows.
local M = {}
local buffer ---@type integer?
local limit = 20000 -- lines that are kept

local function append(text)
  local last = vim.api.nvim_buf_line_count(buffer)
  local tail = vim.api.nvim_buf_get_lines(buffer, last - 1, last, false)[1] or ''
  local parts = vim.split(tail .. text:gsub('\r', ''):gsub('\27%[[%d;]*%a', ''), '\n', { plain = true })
  -- Who looks at the last line goes on to look at the last line.
  local following = {}
  for _, win in ipairs(vim.fn.win_findbuf(buffer)) do
    if vim.api.nvim_win_get_cursor(win)[1] == last then table.insert(following, win) end
  end
  vim.bo[buffer].modifiable = true
  vim.api.nvim_buf_set_lines(buffer, last - 1, last, false, parts)
  local excess = vim.api.nvim_buf_line_count(buffer) - limit
  if excess > 0 then vim.api.nvim_buf_set_lines(buffer, 0, excess, false, {}) end
  vim.bo[buffer].modifiable = false
  for _, win in ipairs(following) do
    vim.api.nvim_win_set_cursor(win, { vim.api.nvim_buf_line_count(buffer), 0 })
  end
end

--- Takes output from the server and confirms it, so that the server never sends
--- more than is shown.
function M.receive(output, client_id)
  if buffer and vim.api.nvim_buf_is_valid(buffer) then
    if (output.lost or 0) > 0 then append(('\n[%d bytes were dropped]\n'):format(output.lost)) end
    append(output.text or '')
  end
  local client = vim.lsp.get_client_by_id(client_id)
  if client then require('fpbls.client').notify(client, 'fpbls/outputAck', { folder = output.folder, seq = output.seq }) end
end

--- Shows the board's output in a split. i asks for a line to send.
function M.open()
  local client = require('fpbls.client')
  if not buffer or not vim.api.nvim_buf_is_valid(buffer) then
    buffer = vim.api.nvim_create_buf(false, true)
    vim.api.nvim_buf_set_name(buffer, 'fpbls://output')
    vim.bo[buffer].modifiable = false
    vim.keymap.set('n', 'i', function()
      vim.ui.input({ prompt = 'Send to the board: ' }, function(text)
        if text then client.run('send', { text = text .. '\n' }) end
      end)
    end, { buffer = buffer, desc = 'fpbls: send a line to the board' })
    vim.api.nvim_create_autocmd('BufWipeout', { buffer = buffer, callback = function() client.run('output', { on = false }) end })
  end
  if vim.fn.bufwinid(buffer) == -1 then vim.cmd('botright 12split | buffer ' .. buffer) end
  client.run('output', { on = true, history = true, window = 8 })
end

return M
