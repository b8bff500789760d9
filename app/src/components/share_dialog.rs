//! The links to what is on the screen: which one, as text, as a code for a phone's camera, and into other programs.

use super::controller;
use crate::{
    browser,
    controller::Variant,
    share::{Preset, QrCode},
};
use leptos::{html, prelude::*};

fn label(variant: Variant) -> String {
    match variant {
        Variant::AsSet(1) => "As set: 1 step".into(),
        Variant::AsSet(steps) => format!("As set: {steps} steps"),
        Variant::Preset(Preset::Fast) => format!("Fast: {} steps", Preset::Fast.steps()),
        Variant::Preset(Preset::Final) => format!("Final: {} steps", Preset::Final.steps()),
        Variant::Recipe => "Recipe: every setting, packed".into(),
        Variant::Sweep => "This sweep".into(),
        Variant::Pair => "This comparison".into(),
    }
}

/// A modal with a list of links, the chosen one, and its QR code.
#[component]
pub fn ShareDialog() -> impl IntoView {
    let controller = controller();
    let sharing = controller.sharing;
    let dialog = NodeRef::<html::Dialog>::new();
    let chosen = RwSignal::new(0_usize);
    let links = Memo::new(move |_| sharing.get().map(|sharing| sharing.links).unwrap_or_default());
    let address = Memo::new(move |_| links.with(|links| links.get(chosen.get()).map(|(_, address)| address.clone())));
    let code = Memo::new(move |_| address.with(|address| QrCode::of(address.as_deref()?)));
    let needs_picture = move || sharing.with(|sharing| sharing.as_ref().is_some_and(|sharing| sharing.needs_picture));
    Effect::new(move |_| {
        let (Some(dialog), is_open) = (dialog.get(), sharing.with(Option::is_some)) else { return };
        match is_open {
            true if !dialog.open() => {
                chosen.set(0);
                drop(dialog.show_modal());
            }
            false if dialog.open() => dialog.close(),
            _ => {}
        }
    });
    let is_single = move || links.with(|links| links.len() == 1);
    let select_all = |event: web_sys::FocusEvent| event_target::<web_sys::HtmlInputElement>(&event).select();
    let options =
        move || {
            links.get().into_iter().enumerate().map(|(i, (variant, _))| {
            view! { <option value=i.to_string() prop:selected=move || chosen.get() == i>{label(variant)}</option> }
        }).collect_view()
        };
    let drawing = move |code: QrCode| {
        view! {
            <svg class="qr" role="img" aria-label="QR code of the link" viewBox=format!("0 0 {0} {0}", code.size)>
                <path d=code.path/>
            </svg>
        }
    };
    let too_long = || view! { <p class="hint">"The link is too long for a QR code: copy it instead."</p> };
    let with_address = move |act: fn(crate::controller::Controller, String)| {
        move |_| address.get_untracked().into_iter().for_each(|address| act(controller, address))
    };
    view! {
        <dialog node_ref=dialog class="dialog share" aria-labelledby="share-title" on:close=move |_| sharing.set(None)>
            <form method="dialog">
                <h2 id="share-title">"Share"</h2>
                <p class="hint">"A link holds settings, no picture. Whoever opens it makes the picture on their own device."</p>
                <p class="hint" hidden=move || !needs_picture()>"The picture to start from cannot be in it: send it along."</p>
                <div class="field" hidden=is_single>
                    <label for="share-which">"Link to"</label>
                    <select id="share-which" on:change=move |event| chosen.set(event_target_value(&event).parse().unwrap_or(0))>
                        {options}
                    </select>
                </div>
                <input
                    type="text" readonly aria-label="Link" prop:value=move || address.get().unwrap_or_default()
                    on:focus=select_all
                />
                {move || sharing.with(Option::is_some).then(|| match code.get() {
                    Some(code) => drawing(code).into_any(),
                    None => too_long().into_any(),
                })}
                <div class="row">
                    <button type="button" class="primary" on:click=with_address(|controller, address| {
                        controller.copy_address(address, "Link copied.");
                        controller.sharing.set(None);
                    })>"Copy link"</button>
                    {browser::can_share().then(|| view! {
                        <button type="button" on:click=with_address(|controller, address| controller.hand_over(address))>
                            "Send with …"
                        </button>
                    })}
                    <button type="submit">"Close"</button>
                </div>
            </form>
        </dialog>
    }
}
