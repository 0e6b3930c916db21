/** How an app may look beside us: colours and sizes of our pages. https://hl7.org/fhir/smart-app-launch/scopes-and-launch-context.html#styling */
export const smartStyle = {
  color_background: '#ffffff',
  color_error: '#a31515',
  color_highlight: '#b3430b',
  color_modal_backdrop: '',
  color_success: '#1f6f3c',
  color_text: '#1d1d1f',
  dim_border_radius: '6px',
  dim_font_size: '16px',
  dim_spacing_size: '16px',
  font_family_body: 'system-ui, sans-serif',
  font_family_heading: 'system-ui, sans-serif',
};
