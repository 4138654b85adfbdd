# One image for the offline job and the browser.
FROM python:3.12-slim
WORKDIR /shelf-lens
COPY requirements.txt .
RUN pip install --no-cache-dir --extra-index-url https://download.pytorch.org/whl/cpu -r requirements.txt
COPY db db
COPY precompute precompute
COPY app app
COPY assets assets
EXPOSE 7860
CMD ["python", "-m", "app", "--db", "sqlite:////data/explanations.db", "--host", "0.0.0.0", "--port", "7860"]
