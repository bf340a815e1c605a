"""What a button with a key cannot do on Label: scroll both texts at once, and take the cursor into the note and out.

The one script of the app. It is fixed: no text of the data, a model or a person ever becomes part of it, and it reads
none. It listens from when it is first drawn, and once however often that is.
"""

import streamlit as st

SCRIPT = """<script>
(() => {
  if (window.workbenchDesk) return;
  window.workbenchDesk = true;
  const way = {ArrowDown: 1, PageDown: 1, ArrowUp: -1, PageUp: -1};
  document.addEventListener('keydown', (event) => {
    const desk = document.querySelector('.pw .desk'), at = event.target;
    if (!desk || event.ctrlKey || event.metaKey || event.altKey) return;
    const note = document.querySelector('.st-key-desk-note input');
    if (at.closest('input, textarea, [contenteditable=true], [role=combobox], [role=listbox], [role=dialog]')) {
      if (at === note && ['Escape', 'Enter'].includes(event.key)) at.blur();
      return;
    }
    if (event.key === 'n' && note) {
      event.preventDefault();
      note.focus();
    } else if (way[event.key] && !at.closest('.side, .talk, .guide')) {
      const boxes = [...desk.querySelectorAll(event.shiftKey ? '.talk' : '.side')];
      const long = boxes.filter(box => box.scrollHeight - box.clientHeight > 1);
      if (long.length) event.preventDefault();
      for (const box of long) {
        box.scrollBy({top: way[event.key] * (event.key.startsWith('Page') ? .85 * box.clientHeight : 60)});
      }
    }
  }, true);
})();
</script>"""


def install() -> None:
    """Let the page listen; it takes no room."""
    with st.container(key="desk-script"):
        st.html(SCRIPT, unsafe_allow_javascript=True)
