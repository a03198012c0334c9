-- What is known of the board: the status line's text, and a window with details.
local M = {}

---@type table the last fpbls/status
M.status = { text = '', patches = {} }
local buffer ---@type integer?

--- A component for a status line: %{%v:lua.require'fpbls.board'.statusline()%}
function M.statusline() return (M.status.text or ''):gsub('%%', '%%%%') .. '' end

local function lines()
  local s = M.status
  if not s.port then return { 'No board yet. :Fpb port connects to one.' } end
  local elf = s.elf or 'not found yet'
  local out = {
    'port      ' .. (s.port ~= '' and s.port or 'none'),
    'state     ' .. s.health,
    'firmware  ' .. ({ match = 'the board runs ' .. elf, mismatch = 'the board runs another firmware than ' .. elf })[s.match] or elf,
  }
  if s.loader and s.loader ~= '' then
    table.insert(out, ('loader    %s, FPB v%d'):format(s.loader, s.fpb.version))
    table.insert(out, ('slots     %d of %d used'):format(s.slotsUsed, s.slotsTotal))
  end
  table.insert(out, '')
  for _, p in ipairs(s.patches or {}) do
    table.insert(out, ('slot %d  %-24s %-8s %s → %s  %d B'):format(p.slot, p['function'] or '?', p.state, p.original, p.address, p.size))
  end
  for _, p in ipairs(s.lost or {}) do
    table.insert(out, ('lost    %-24s'):format(p['function'] or p.original))
  end
  return out
end

local function render()
  if not buffer or not vim.api.nvim_buf_is_valid(buffer) then return end
  vim.bo[buffer].modifiable = true
  vim.api.nvim_buf_set_lines(buffer, 0, -1, false, lines())
  vim.bo[buffer].modifiable = false
end

--- Takes a status from the server.
function M.update(status)
  M.status = status
  render()
  require('fpbls.client').refresh_lenses()
  vim.cmd.redrawstatus({ bang = true })
end

--- Shows the board in a split. D, E and R in it disable, enable and revert the
--- patch under the cursor.
function M.open()
  if not buffer or not vim.api.nvim_buf_is_valid(buffer) then
    buffer = vim.api.nvim_create_buf(false, true)
    vim.api.nvim_buf_set_name(buffer, 'fpbls://board')
    vim.bo[buffer].filetype = 'fpblsboard'
    for key, command in pairs({ D = 'disable', E = 'enable', R = 'revert' }) do
      vim.keymap.set('n', key, function()
        local slot = vim.api.nvim_get_current_line():match('^slot (%d+)')
        if slot then require('fpbls.client').run(command, { slot = tonumber(slot) }) end
      end, { buffer = buffer, desc = 'fpbls: ' .. command .. ' the patch of this line' })
    end
  end
  render()
  if vim.fn.bufwinid(buffer) == -1 then vim.cmd('botright ' .. math.max(8, #lines() + 1) .. 'split | buffer ' .. buffer) end
  require('fpbls.client').run('status', nil, M.update)
end

return M
