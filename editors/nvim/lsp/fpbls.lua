-- Found by vim.lsp.enable('fpbls') in Neovim 0.11 and later.
return require('fpbls.client').config()
