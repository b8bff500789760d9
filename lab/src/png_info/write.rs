//! Pictures as PNG files that tell how they were made, in the words of this program and of AUTOMATIC1111's web UI.

use super::{LINK, PARAMETERS};
use crate::LabError;

/// `rgba` is `[height][width][4]`, opaque. `link` is the fragment that makes the picture again, `parameters` the web
/// UI's text.
///
/// # Errors
/// [`LabError::Pixels`] if the bytes do not fill the size.
pub fn write(width: u32, height: u32, rgba: &[u8], link: &str, parameters: &str) -> Result<Vec<u8>, LabError> {
    let wrong = || LabError::Pixels { width, height, bytes: rgba.len() };
    if width == 0 || height == 0 || rgba.len() as u64 != 4 * u64::from(width) * u64::from(height) {
        return Err(wrong());
    }
    let rgb: Vec<u8> = rgba.chunks_exact(4).flat_map(|pixel| &pixel[..3]).copied().collect();
    encode(width, height, &rgb, &[(PARAMETERS, parameters), (LINK, link)]).map_err(|_| wrong())
}

fn encode(width: u32, height: u32, rgb: &[u8], texts: &[(&str, &str)]) -> Result<Vec<u8>, png::EncodingError> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_source_srgb(png::SrgbRenderingIntent::Perceptual);
    for (key, text) in texts {
        // As Python's Pillow, and with it the web UI, does it; a zero ends a text in either chunk.
        let (key, text) = ((*key).to_owned(), text.replace('\0', ""));
        match text.chars().all(|c| u32::from(c) < 256) {
            true => encoder.add_text_chunk(key, text)?,
            false => encoder.add_itxt_chunk(key, text)?,
        }
    }
    let mut writer = encoder.write_header()?;
    writer.write_image_data(rgb)?;
    writer.finish()?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixels_and_texts_come_back() {
        let rgba: Vec<u8> = (0..3 * 2).flat_map(|i| [i, 2 * i, 255 - i, 255]).collect();
        let text = "東京\0 by night\nSteps: 2, Sampler: Euler, Seed: 1";
        let file = write(3, 2, &rgba, "prompt=%E6%9D%B1", text).unwrap();
        assert_eq!(super::super::read(&file).unwrap().link.as_deref(), Some("prompt=%E6%9D%B1"));
        let mut reader = png::Decoder::new(std::io::Cursor::new(&file)).read_info().unwrap();
        assert_eq!(reader.info().utf8_text[0].get_text().unwrap(), text.replace('\0', ""));
        assert!(reader.info().srgb.is_some());
        let mut pixels = vec![0; 3 * 2 * 3];
        reader.next_frame(&mut pixels).unwrap();
        assert!(pixels.chunks(3).eq(rgba.chunks(4).map(|pixel| &pixel[..3])));
    }

    #[test]
    fn a_size_without_its_pixels_is_refused() {
        assert!(write(3, 2, &[0; 23], "", "").is_err());
        assert!(write(0, 0, &[], "", "").is_err());
    }
}
