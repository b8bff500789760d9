//! Frames to the bytes of an animated PNG or a GIF, one frame a slice. Plain Rust.

use super::Film;
use crate::frames::Pixels;
use std::borrow::Cow;

/// What ended an export before its file was there.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The user did.
    #[error("stopped")]
    Stopped,
    /// A picture could not be scaled, or a canvas could not be had.
    #[error("the browser could not draw the frames")]
    Canvas,
    /// There is nothing to save.
    #[error("there are no frames")]
    Empty,
    /// The animated PNG could not be written.
    #[error("the animated PNG could not be written: {0}")]
    Png(#[from] png::EncodingError),
    /// The GIF could not be written.
    #[error("the GIF could not be written: {0}")]
    Gif(#[from] gif::EncodingError),
    /// A GIF counts its pixels in 16 bits.
    #[error("a GIF cannot be {0} pixels wide or high")]
    TooLarge(u32),
    /// The browser's words.
    #[error("{0}")]
    Browser(String),
}

/// From this many pixels on, colours are picked from a sample: a slice must not hold the page up.
const GIF_FAST: u32 = 256 * 256;

fn rgb(pixels: &Pixels) -> Vec<u8> {
    pixels.rgba.chunks_exact(4).flat_map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect()
}

/// The bytes of an animated PNG that plays for ever. `next` gives one frame of the film after the other, and a rest to
/// the page in between. Programs that know no animation show the last frame.
///
/// # Errors
/// Those of `next` and of the encoder.
pub async fn apng(
    film: &Film,
    mut next: impl AsyncFnMut(usize) -> Result<Pixels, ExportError>,
) -> Result<Vec<u8>, ExportError> {
    let frames = film.len() as u32;
    let mut bytes = Vec::new();
    let still = next(film.len().checked_sub(1).ok_or(ExportError::Empty)?).await?;
    let mut encoder = png::Encoder::new(&mut bytes, film.width, film.height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Balanced);
    encoder.set_animated(frames, 0)?;
    encoder.set_sep_def_img(true)?;
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&rgb(&still))?;
    for i in 0..film.len() {
        let pixels = next(i).await?;
        writer.set_frame_delay(film.ms(i).min(u32::from(u16::MAX)) as u16, 1000)?;
        writer.write_image_data(&rgb(&pixels))?;
    }
    writer.finish()?;
    Ok(bytes)
}

/// The bytes of a GIF that plays for ever: each frame has 256 colours of its own, picked by NeuQuant. A GIF counts time
/// in hundredths of a second.
///
/// # Errors
/// Those of `next` and of the encoder.
pub async fn gif(
    film: &Film,
    mut next: impl AsyncFnMut(usize) -> Result<Pixels, ExportError>,
) -> Result<Vec<u8>, ExportError> {
    let side = |side: u32| u16::try_from(side).map_err(|_| ExportError::TooLarge(side));
    let (width, height) = (side(film.width)?, side(film.height)?);
    let speed = if film.width * film.height < GIF_FAST { 1 } else { 10 };
    let mut encoder = gif::Encoder::new(Vec::new(), width, height, &[])?;
    encoder.set_repeat(gif::Repeat::Infinite)?;
    for i in 0..film.len() {
        let pixels = rgb(&next(i).await?);
        let mut frame = gif::Frame::from_rgb_speed(width, height, &pixels, speed);
        frame.delay = film.ms(i).div_ceil(10).min(u32::from(u16::MAX)) as u16;
        frame.buffer = Cow::Owned(std::mem::take(&mut frame.buffer).into_owned());
        encoder.write_frame(&frame)?;
    }
    Ok(encoder.into_inner()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{future::Future, pin::pin, task};

    /// Runs what never waits.
    fn at_once<T>(future: impl Future<Output = T>) -> T {
        match pin!(future).poll(&mut task::Context::from_waker(task::Waker::noop())) {
            task::Poll::Ready(value) => value,
            task::Poll::Pending => panic!("it waits"),
        }
    }

    fn film(frames: usize) -> Film {
        Film { width: 3, height: 2, ms: vec![40; frames - 1].into_iter().chain([1500]).collect() }
    }

    fn frame(i: usize) -> Pixels {
        Pixels::new(3, 2, &[i as u8 * 20, 200, 255 - i as u8, 255].repeat(6)).unwrap()
    }

    #[test]
    fn an_apng_holds_the_last_picture_and_every_frame_with_its_time() {
        let bytes = at_once(apng(&film(4), async |i| Ok(frame(i)))).unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(&bytes)).read_info().unwrap();
        let control = reader.info().animation_control.unwrap();
        assert_eq!((control.num_frames, control.num_plays), (4, 0));
        let mut buffer = vec![0; 18];
        reader.next_frame(&mut buffer).unwrap();
        assert_eq!(buffer[..3], frame(3).rgba[..3], "what a program without animation shows");
        for i in 0..4 {
            reader.next_frame(&mut buffer).unwrap();
            let control = reader.info().frame_control.unwrap();
            assert_eq!(f64::from(control.delay_num) / f64::from(control.delay_den), [0.04, 0.04, 0.04, 1.5][i]);
            assert_eq!(buffer[..3], frame(i).rgba[..3]);
        }
    }

    #[test]
    fn a_gif_holds_every_frame_with_its_time_and_few_colours_exactly() {
        let bytes = at_once(gif(&film(3), async |i| Ok(frame(i)))).unwrap();
        let mut options = gif::DecodeOptions::new();
        options.set_color_output(gif::ColorOutput::RGBA);
        let mut reader = options.read_info(&bytes[..]).unwrap();
        let mut delays = Vec::new();
        while let Some(read) = reader.read_next_frame().unwrap() {
            assert_eq!(read.buffer[..4], frame(delays.len()).rgba[..4]);
            delays.push(read.delay);
        }
        assert_eq!(delays, [4, 4, 150]);
    }

    #[test]
    fn a_stopped_export_ends_at_once() {
        let stop = async |i| if i == 1 { Err(ExportError::Stopped) } else { Ok(frame(i)) };
        assert!(matches!(at_once(gif(&film(3), stop)), Err(ExportError::Stopped)));
    }
}
