// The terminal page: xterm.js on the pty endpoint (docs/wire/terminal.md). After a lost connection it reconnects with the same terminal id.
'use strict';
(() => {
  const firstPause = 500, longestPause = 8000;
  const patience = 10000, probePatience = 5000;
  const agent = location.pathname.split('/')[2];
  const state = document.getElementById('state');
  const encoder = new TextEncoder();
  // xterm.js calls the choice of a Unicode version a proposed API.
  const term = new Terminal({ scrollback: 10000, cursorBlink: true, allowProposedApi: true });
  const fit = new FitAddon.FitAddon();
  // The notices that an edge sends when it loses the API server and when it reconnects, each in a message of its own
  // (docs/wire/websocket-streams.md).
  const pausedBy = '\x18\x1b[0m\r\n[connection to the server lost: paused', resumedBy = '\x18\x1bc[connection resumed]';
  const longestNotice = 120;
  // The close reasons after which the shell no longer exists. A reconnect would silently start another shell (docs/wire/terminal.md).
  const shellGone = ["no API server that is up has the terminal's shell", 'the local agent has ended'];
  const noToken = 'Resource not found';
  const tryLater = [408, 425, 429];
  const longestTitle = 200, signInPause = 10000;
  const decoder = new TextDecoder();
  let socket = null, pause = firstPause, timer = 0, attempt = 0;
  let typedAt = 0, probing = false;

  // The URL's fragment has the terminal's id, so that a reloaded page finds its terminal. Browsers do not send the fragment.
  const pattern = /^#[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
  const newTerminalId = () => {
    const hex = [...crypto.getRandomValues(new Uint8Array(16))].map(b => b.toString(16).padStart(2, '0')).join('');
    history.replaceState(null, '', '#' + hex.replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12})$/, '$1-$2-4$3-a$4-$5'));
  };

  // The cursor blinks only while typed text reaches the server.
  const show = (name, text) => {
    state.dataset.state = name;
    state.textContent = text;
    term.options.cursorBlink = name === 'connected';
  };
  const send = value => { if (socket && socket.readyState === WebSocket.OPEN) socket.send(encoder.encode(JSON.stringify(value))); };
  const sendSize = () => send({ height: term.rows, width: term.cols });

  function connect() {
    clearTimeout(timer);
    show('connecting', 'connecting');
    const which = ++attempt;
    let opened = false;
    const url = new URL(`/api/v2/workspaceagents/${agent}/pty`, location.href);
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    url.searchParams.set('reconnect', location.hash.slice(1));
    url.searchParams.set('height', term.rows);
    url.searchParams.set('width', term.cols);
    const mine = socket = new WebSocket(url);
    mine.binaryType = 'arraybuffer';
    mine.onopen = () => {
      opened = true;
      term.reset(); // The server shows the last output again.
      show('connected', 'connected');
      sendSize();
    };
    mine.onmessage = message => { if (mine === socket) take(new Uint8Array(message.data)); };
    mine.onclose = async close => {
      if (mine !== socket) return;
      socket = null;
      typedAt = 0;
      const refusal = opened ? null : await whyRefused(url);
      if (which !== attempt) return;
      if (refusal?.signIn) signIn();
      else if (refusal?.final) show('stopped', refusal.reason);
      else lost(refusal ?? close);
    };
  }

  // A browser hides the HTTP status of a failed WebSocket handshake from scripts. The same request without an upgrade gets the same error
  // response, or 426 when the handshake would succeed. A 4xx is final, and any other error is temporary.
  async function whyRefused(url) {
    const plain = new URL(url);
    plain.protocol = location.protocol;
    try {
      const answer = await fetch(plain, { cache: 'no-store', redirect: 'manual', signal: AbortSignal.timeout(probePatience) });
      const text = await answer.text();
      if (answer.status === 426) {
        return {
          reason: 'no WebSocket comes through, though the server would take it: a proxy between may not pass it on, or change its Host',
        };
      }
      const isPage = (answer.headers.get('content-type') ?? '').startsWith('text/html');
      const reason = isPage ? new DOMParser().parseFromString(text, 'text/html').querySelector('p')?.textContent : messageOf(text);
      const signedOut = answer.status === 401 || (answer.status === 404 && !isPage && reason?.startsWith(noToken));
      const final = answer.status >= 400 && answer.status < 500 && !tryLater.includes(answer.status);
      return { signIn: signedOut, final, reason: reason || `the server answers with HTTP status ${answer.status}` };
    } catch {
      return { reason: 'the server does not answer' };
    }
  }

  function messageOf(text) {
    try {
      const error = JSON.parse(text);
      const fields = (error.validations ?? []).map(one => `${one.field}: ${one.detail}`);
      return [error.message, error.detail, ...fields].filter(part => part).join(' ');
    } catch {
      return '';
    }
  }

  // A reload gets the sign-in form, with the reason. The time of the last reload prevents a loop when the server accepts the token here.
  function signIn() {
    const now = Date.now();
    if (now - Number(sessionStorage.getItem('signInAt')) < signInPause) {
      show('stopped', 'the session token is not valid for this terminal: sign out, and in again');
      return;
    }
    sessionStorage.setItem('signInAt', String(now));
    show('stopped', 'signed out');
    location.reload();
  }

  function take(bytes) {
    term.write(bytes);
    typedAt = 0;
    pause = firstPause;
    const text = bytes.length <= longestNotice ? decoder.decode(bytes) : '';
    if (text.startsWith(pausedBy)) show('paused', 'the server is away, typing is discarded');
    else if (text.startsWith(resumedBy) || state.dataset.state === 'silent') show('connected', 'connected');
  }

  // A connection looks alive after its peer has vanished, and a browser hides the server's pings from scripts. When typing has no effect, or
  // after the network was offline, a separate request shows whether the server responds.
  async function probe() {
    if (!socket || probing) return;
    const mine = socket;
    probing = true;
    try {
      await fetch('/terminal/assets/terminal.css', { method: 'HEAD', cache: 'no-store', signal: AbortSignal.timeout(probePatience) });
      if (mine === socket && !typedAt && state.dataset.state === 'silent') show('connected', 'connected');
    } catch {
      if (mine === socket) {
        socket = null;
        typedAt = 0;
        mine.close();
        lost({ code: 1006, reason: 'the server does not answer' });
      }
    } finally {
      probing = false;
    }
  }

  function watch() {
    if (!typedAt || !socket || (state.dataset.state !== 'connected' && state.dataset.state !== 'silent')) return;
    const silent = Date.now() - typedAt;
    if (silent < patience) return;
    show('silent', `connected, but nothing has come since you typed ${Math.round(silent / 1000)} s ago`);
    probe();
  }

  function lost(close) {
    const isGone = shellGone.some(gone => close.reason.startsWith(gone));
    if (close.code === 1000 || isGone) {
      const text = isGone ? `the shell is gone (${close.reason.split(':')[0]})` : 'the shell has ended';
      show('ended', text);
      term.write(`\r\n[${text}]\r\n`);
      return;
    }
    const wait = pause * (0.75 + Math.random() / 2);
    pause = Math.min(pause * 2, longestPause);
    show('reconnecting', `disconnected${close.reason ? ` (${close.reason})` : ''}, trying again in ${(wait / 1000).toFixed(1)} s`);
    timer = setTimeout(connect, wait);
  }

  const notAllowed = action => () => show(state.dataset.state, `the browser did not allow ${action}`);
  const copy = () => {
    if (term.hasSelection() && navigator.clipboard) {
      navigator.clipboard.writeText(term.getSelection()).catch(notAllowed('copying'));
    }
  };
  const paste = () => {
    if (navigator.clipboard) {
      navigator.clipboard.readText().then(text => { term.paste(text); term.focus(); }, notAllowed('pasting'));
    }
  };
  const fresh = () => {
    const old = socket;
    socket = null;
    if (old) old.close();
    newTerminalId();
    pause = firstPause;
    connect();
    term.focus();
  };

  if (!pattern.test(location.hash)) newTerminalId();
  term.loadAddon(fit);
  // Emoji are two columns wide since Unicode 9, and terminal programs expect that.
  term.loadAddon(new Unicode11Addon.Unicode11Addon());
  term.unicode.activeVersion = '11';
  term.onTitleChange(title => { document.title = title ? title.slice(0, longestTitle) : 'Terminal'; });
  term.open(document.getElementById('screen'));
  fit.fit();
  const type = data => { send({ data }); typedAt ||= Date.now(); };
  term.onData(type);
  term.onBinary(type);
  term.onResize(sendSize);
  term.attachCustomKeyEventHandler(key => {
    if (key.type !== 'keydown' || !key.ctrlKey || !key.shiftKey || key.code !== 'KeyC') return true;
    key.preventDefault();
    copy();
    return false;
  });
  new ResizeObserver(() => fit.fit()).observe(document.getElementById('screen'));
  if (/^(Mac|iP)/.test(navigator.platform)) {
    document.getElementById('copy').title = '\u2318C';
    document.getElementById('paste').title = '\u2318V';
  }
  document.getElementById('copy').onclick = copy;
  document.getElementById('paste').onclick = paste;
  document.getElementById('again').onclick = () => { connect(); term.focus(); };
  document.getElementById('fresh').onclick = fresh;
  addEventListener('online', () => { if (socket) probe(); else if (!['ended', 'stopped'].includes(state.dataset.state)) connect(); });
  addEventListener('offline', () => { if (socket) show('silent', 'this machine is offline'); });
  setInterval(watch, 1000);
  connect();
  term.focus();
})();
